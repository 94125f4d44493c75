import { z } from 'zod';
import { ConfigSchema } from './schema.ts';

/** The JSON Schema (draft 2020-12) of nearbits.yaml and policy.yaml, for editors that complete and check. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(ConfigSchema, {
    io: 'input',
    unrepresentable: 'any',
    // Zod leaves out the default of what it transforms, because it cannot know that ours is in the written form.
    override({ zodSchema, jsonSchema }) {
      const written = z.globalRegistry.get(zodSchema)?.default;
      if (written !== undefined) jsonSchema.default = written as never;
    },
  });
  return {
    ...schema,
    title: 'nearbits configuration',
    description:
      'nearbits.yaml holds preferences; policy.yaml, owned by the administrator, overrides them. Both have this form.',
  };
}
