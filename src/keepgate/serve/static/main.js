// The page of `keepgate serve`: the server answers.

import { server } from "./engine/server.js";
import { start } from "./page.js";
import { acts, startRest } from "./rest.js";

await start(server, async () => ({ acts, startRest }));
