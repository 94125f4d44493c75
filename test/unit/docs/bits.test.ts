import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findProperty } from '../../../src/cli/input/job-properties.ts';
import { valueNamed } from '../../../src/cli/render/job-value.ts';
import { CONFIG_KEYS, CONFIG_SECTIONS } from '../../../src/config/key-list.ts';
import { isBitsCode } from '../../../src/core/bits-codes.ts';
import { CacheClient } from '../../../src/sdk/cache-client.ts';
import { NearbitsClient } from '../../../src/sdk/client.ts';
import { ApiConnection } from '../../../src/sdk/connection.ts';
import { Job } from '../../../src/sdk/job.ts';
import { Jobs } from '../../../src/sdk/jobs.ts';
import { CliMachine } from '../../support/cli-machine.ts';

const text = await readFile(join(import.meta.dirname, '../../../docs/BITS.md'), 'utf8');
/** Everything that stands in code type, without repetitions. */
const spans = [...new Set([...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? ''))];
const spansLike = (pattern: RegExp) => spans.filter((span) => pattern.test(span));

let machine: CliMachine;
let daemon: AsyncDisposable;

beforeAll(async () => {
  machine = await CliMachine.create();
  daemon = await machine.startDaemon();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await machine[Symbol.asyncDispose]();
});

/** The words of a command before its arguments: `nearbits job get JOB state` is the command `job get`. */
function commandOf(span: string): string[] {
  const words = span.split(' ').slice(1);
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  return words.slice(0, end < 0 ? words.length : end);
}

describe('the commands in docs/BITS.md', () => {
  it.each(spansLike(/^nearbits /))('%s exists, with its options', async (span) => {
    const words = commandOf(span);
    // Arguments that look like commands follow only `config show`.
    const command = words[0] === 'config' ? words.slice(0, 2) : words;
    const help = await machine.run(...command, '--help');
    expect(help).toMatchObject({ exit: 0, out: expect.stringMatching(`^Usage: nearbits ${command.join(' ')}[ \\n]`) });
    for (const option of span.match(/--[a-z-]+/g) ?? []) expect(help.out).toContain(option);
  });

  it.each(spansLike(/^nearbits job set JOB /))('%s names a property', (span) => {
    const name = /JOB ([\w-]+)=/.exec(span)?.[1] ?? '';
    if (name !== 'PROPERTY') expect(findProperty(name)).not.toBeNull();
  });

  it.each(spansLike(/^nearbits job get JOB /))('%s names a value', (span) => {
    const value = valueNamed(/JOB ([\w-]+)/.exec(span)?.[1] ?? '');
    expect(value.kind === 'file').toBe(span.includes('--file'));
  });
});

describe('the other names in docs/BITS.md', () => {
  it('are routes of the API', async () => {
    const connection = new ApiConnection({ socket: machine.env.NEARBITS_SOCKET });
    const answer = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const { paths } = await connection.call({ method: 'GET', path: '/openapi.json', answer });
    await connection.close();
    const routes = spansLike(/^(GET|POST|PUT|PATCH|DELETE) \/v1/);
    expect(routes.length).toBeGreaterThan(25);
    for (const route of routes) {
      const [method = '', path = ''] = route.split(' ');
      expect(paths[path]?.[method.toLowerCase()], route).toBeDefined();
    }
  });

  it('are methods of the SDK', () => {
    const classes = { jobs: Jobs, job: Job, cache: CacheClient, node: NearbitsClient } as const;
    const calls = spansLike(/^(jobs|job|cache|node)\.\w+\(\)$/);
    expect(calls.length).toBeGreaterThan(25);
    for (const call of calls) {
      const [holder, method = ''] = call.slice(0, -2).split('.');
      expect(typeof Reflect.get(classes[holder as keyof typeof classes].prototype, method), call).toBe('function');
    }
  });

  it('are keys of the configuration, and codes', () => {
    const sections = CONFIG_SECTIONS.map(({ name }) => name.split('.')[0]);
    const keys = spans.filter((span) => /^\w+(\.\w+)+$/.test(span) && sections.includes(span.split('.')[0] ?? ''));
    expect(keys.length).toBeGreaterThan(8);
    for (const key of keys)
      expect(
        CONFIG_KEYS.map(({ name }) => name),
        key,
      ).toContain(key);
    for (const code of spansLike(/^BG_[ES]_/)) expect(isBitsCode(code), code).toBe(true);
  });
});

const VERBS = `/RawReturn /Wrap /NoWrap /Help /? /Create /AddFile /AddFileSet /AddFileWithRanges /Transfer /Resume /Suspend /Cancel
/Complete /Reset /List /Monitor /Info /ListFiles /GetState /GetType /GetOwner /GetPriority /SetPriority /GetDisplayName /SetDisplayName
/GetDescription /SetDescription /GetBytesTotal /GetBytesTransferred /GetFilesTotal /GetFilesTransferred /GetCreationTime /GetModificationTime
/GetCompletionTime /GetError /GetErrorCount /GetMinRetryDelay /SetMinRetryDelay /GetNoProgressTimeout /SetNoProgressTimeout
/GetMaxDownloadTime /SetMaxDownloadTime /GetNotifyFlags /SetNotifyFlags /GetNotifyCmdLine /SetNotifyCmdLine /GetNotifyInterface
/GetProxyUsage /GetProxyList /GetProxyBypassList /SetProxySettings /SetCredentials /RemoveCredentials /GetReplyFileName /SetReplyFileName
/GetReplyProgress /GetReplyData /GetAclFlags /SetAclFlags /ReplaceRemotePrefix /TakeOwnership /GetCustomHeaders /SetCustomHeaders
/MakeCustomHeadersWriteOnly /GetHttpMethod /SetHttpMethod /SetClientCertificateByID /SetClientCertificateByName /GetClientCertificate
/RemoveClientCertificate /GetSecurityFlags /SetSecurityFlags /GetValidationState /SetValidationState /GetTemporaryName
/GetPeerCachingFlags /SetPeerCachingFlags /GetPeerStats /GetHelperTokenFlags /SetHelperTokenFlags /SetHelperToken /GetHelperTokenSid
/GetConfigurationFlags /SetConfigurationFlags /Delete /DeleteUrl /Clear /GetExpirationTime /SetExpirationTime /GetLimit /SetLimit /Discover
/Version /RepairService /GetIEProxy /SetIEProxy /EnableAnalyticChannel`;

const METHODS = `AddFile AddFiles AddFileSet AddFileWithRanges Cancel CancelGroup ClearHelperToken ClearPeers ClearRecords Clone Complete
CreateGroup CreateJob DeleteRecord DeleteUrl DisableBITSUploads DiscoverPeers EnableBITSUploads EnumFiles EnumGroups EnumJobs EnumPeers
EnumRecords FileRangesTransferred FileTransferred get_GroupID get_JobID get_Size GetCleanupTask GetCleanupTaskName GetClientCertificate
GetConfigurationFlags GetCount GetCustomHeaders GetDescription GetDisplayName GetError GetErrorContextDescription GetErrorCount
GetErrorDescription GetFile GetFileACLFlags GetFileCount GetFileModificationTime GetFileRanges GetFileSize GetFilledFileRanges GetGroup
GetHelperTokenFlags GetHelperTokenSid GetHttpMethod GetId GetJob GetLastAccessTime GetLocalName GetMaximumCacheSize GetMaximumContentAge
GetMaximumDownloadTime GetMinimumRetryDelay GetNoProgressTimeout GetNotifyCmdLine GetNotifyFlags GetNotifyInterface GetObject GetOriginUrl
GetOwner GetOwnerElevationState GetOwnerIntegrityLevel GetPeerCachingFlags GetPeerDownloadStats GetPeerName GetPriority GetProgress GetProp
GetProperty GetProtocol GetProxySettings GetRecord GetRemoteName GetReplyData GetReplyFileName GetReplyProgress GetSecurityFlags GetState
GetStatus GetTemporaryName GetTimes GetType GetValidationState IsAuthenticated IsAvailable IsDownloadedFromPeer IsFileValidated JobError
JobModification JobTransferred MakeCustomHeadersWriteOnly Next OnStatus RemoveClientCertificate RemoveCredentials ReplaceRemotePrefix
RequestFileRanges Reset Resume ResumeGroup SetClientCertificateByID SetClientCertificateByName SetConfigurationFlags SetCredentials
SetCustomHeaders SetDescription SetDisplayName SetFileACLFlags SetHelperToken SetHelperTokenFlags SetHttpMethod SetMaximumCacheSize
SetMaximumContentAge SetMaximumDownloadTime SetMinimumRetryDelay SetNoProgressTimeout SetNotifyCmdLine SetNotifyFlags SetNotifyInterface
SetPeerCachingFlags SetPriority SetProp SetProperty SetProxySettings SetRemoteName SetReplyFileName SetSecurityFlags
SetServerCertificateValidationInterface SetValidationState Skip Suspend SuspendGroup SwitchToForeground TakeOwnership
UpdateDownloadPosition ValidateServerCertificate`;

describe('docs/BITS.md is complete', () => {
  it('for the switches of bitsadmin', () => {
    const named = new Set(spans.flatMap((span) => span.match(/\/[A-Za-z?]+/g) ?? []));
    expect(VERBS.split(/\s+/).filter((verb) => !named.has(verb))).toEqual([]);
  });

  it('for the methods of the interfaces', () => {
    expect(METHODS.split(/\s+/).filter((method) => !spans.includes(method))).toEqual([]);
  });
});
