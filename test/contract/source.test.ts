import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { OriginClient } from '../../src/origin/origin-client.ts';
import type { Content, Faults } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { PseudoRandomFile } from '../support/pseudo-random-file.ts';
import { ScriptedSource } from '../support/scripted-source.ts';
import { type SenderScript, type SourceUnderTest, sourceContract } from './source.ts';

const content = new PseudoRandomFile({ size: 64 * 1024 * 1024, seed: 'contract' });

sourceContract('the origin', content, async (wanted: Content, script: SenderScript): Promise<SourceUnderTest> => {
  const server = await OriginServer.start();
  const client = new OriginClient({ clock: systemClock, log: silentLogger }, { proxy: 'none' });
  const url = server.serve('/file', { content: wanted, faults: faultsOf(script) });
  const file = await client.probe(url, { signal: new AbortController().signal });
  return {
    source: client.source(file),
    bytesSent: () => server.stats.bytesSent,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.stop();
    },
  };
});

sourceContract('the scripted source', content, async (wanted, script) => {
  const source = new ScriptedSource(wanted, {
    ...(script.kind === 'stalls' ? { stallAfterBytes: script.afterBytes } : {}),
    ...(script.kind === 'cuts' ? { cutAfterBytes: script.afterBytes } : {}),
  });
  return { source, bytesSent: () => source.bytesSent, async [Symbol.asyncDispose]() {} };
});

function faultsOf(script: SenderScript): Faults {
  if (script.kind === 'stalls') return { stallAfterBytes: script.afterBytes };
  return script.kind === 'cuts' ? { closeAfterBytes: script.afterBytes } : {};
}
