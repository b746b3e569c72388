// The page of `keepgate serve`: the server answers.

import { server } from "./engine/server.js";
import { start } from "./page.js";
import { acts, startRest } from "./rest.js";
import { linkToSeries } from "./series/link.js";

await start(server, async () => ({ acts, startRest }));
await linkToSeries();
