// The page of `keepgate serve`: the server answers.

import { server } from "./engine/server.js";
import { start } from "./page.js";

await start(server);
