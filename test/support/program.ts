/** The command line straight from the sources, whatever an older build in dist/ says. */
import { main } from '../../src/main.ts';

await main();
