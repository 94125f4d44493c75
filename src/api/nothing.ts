import { z } from 'zod';

/** The answer of a route that has nothing to say. */
export const Nothing = z.object({}).meta({ id: 'Nothing' });
