import { readFile, writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { CONFIG_KEYS, CONFIG_SECTIONS, type ConfigKey } from '../src/config/key-list.ts';

/**
 * Writes the documents that follow from the configuration schema: CONFIG.md and config.schema.json.
 * `node docs/generate.ts --check` writes nothing and fails when one of them is not current.
 */

/** The generated files, by path relative to this directory. */
export function generatedDocs(): ReadonlyMap<string, string> {
  return new Map([
    ['CONFIG.md', configMarkdown()],
    ['config.schema.json', `${JSON.stringify(configJsonSchema(), null, 2)}\n`],
  ]);
}

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema.ts by docs/generate.ts; do not edit. -->

Two files of the same form, both optional:

| file | whose | as root | as a user |
|---|---|---|---|
| \`nearbits.yaml\` | preferences of the one who runs the node | \`/etc/nearbits/nearbits.yaml\` | \`~/.config/nearbits/nearbits.yaml\` |
| \`policy.yaml\` | the administrator's word; it overrides preferences | \`/etc/nearbits/policy.yaml\` | \`/etc/nearbits/policy.yaml\` |

On a Mac they lie in \`/Library/Application Support/nearbits\` (preferences of a user: \`~/Library/...\`), on Windows in
\`%ProgramData%\\nearbits\` (preferences of a user: \`%APPDATA%\\nearbits\`). \`NEARBITS_CONFIG\` and \`NEARBITS_POLICY\` name other files,
\`NEARBITS_DATA_DIR\` another data directory, \`NEARBITS_SOCKET\` another socket of the local API; a data directory that is named carries its
own socket. \`NEARBITS_API\` names a node's API over TCP, \`NEARBITS_TOKEN\` the token of the user to act as (\`nearbits user add\`).

- Quantities carry their unit: \`90d\`, \`1GiB\`, \`1MiB/s\`, \`1%\`. KiB, MiB, GiB, TiB count in 1024; kB, MB, GB, TB in 1000. Only \`0\` needs no unit.
- Changes apply while the node runs, within a second or two, or at once with SIGHUP or \`POST /v1/reload\`; the few keys that are
  read only when the node starts say so. A file with a mistake is refused as a whole and the old
  configuration stays in force.
- \`nearbits config show\` prints every effective value and who set it; \`nearbits config check\` reports all mistakes with file and line;
  \`nearbits config schema\` prints the JSON Schema (also \`docs/config.schema.json\`). Editors with the YAML language server use it after the line
  \`# yaml-language-server: $schema=config.schema.json\`.
- Order: default, then \`nearbits.yaml\`, then what an embedding program hands to \`createNode\`, then \`policy.yaml\`.

\`\`\`yaml
# nearbits.yaml: 20 GiB for the cache, faster serving, a neighbour named by hand
cache:
  maxSize: 20GiB
serve:
  bandwidth: 10MiB/s
discovery:
  static: ["192.168.7.20"]
\`\`\`
`;

function configMarkdown(): string {
  const top = CONFIG_KEYS.filter((key) => key.path.length === 1);
  const sections = CONFIG_SECTIONS.map(({ name, description }) => {
    const keys = CONFIG_KEYS.filter((key) => key.path.slice(0, -1).join('.') === name);
    return `\n## ${name}\n\n${description}\n\n${table(keys)}`;
  });
  return [INTRODUCTION, ...(top.length > 0 ? [table(top)] : []), ...sections].join('');
}

function table(keys: readonly ConfigKey[]): string {
  const rows = keys.map((key) => {
    const allowed =
      key.unit === null || key.allowed.includes(key.unit) ? key.allowed : `${key.allowed}; unit: ${key.unit}`;
    return `| \`${key.name}\` | \`${written(key.default)}\` | ${allowed} | ${key.description} |`;
  });
  return `| key | default | allowed | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function main(check: boolean): Promise<number> {
  let stale = 0;
  for (const [name, text] of generatedDocs()) {
    const path = new URL(name, import.meta.url);
    if (!check) await writeFile(path, text);
    else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
      process.stderr.write(`docs/${name} is not current: run "node docs/generate.ts"\n`);
      stale++;
    }
  }
  return stale === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.includes('--check'));
