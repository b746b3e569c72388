// The service worker of the folder: keeps its files at the first visit, and gives them where there is no network.
// FILES and VERSION, of what is in them, are written before this.

const open = () => caches.open(`keepgate ${registration.scope} ${VERSION}`);

addEventListener("install", (event) => {
  event.waitUntil(open().then((kept) => kept.addAll(["./", ...FILES])));
});

addEventListener("activate", (event) => {
  const older = (name) => name.startsWith(`keepgate ${registration.scope} `) && !name.endsWith(` ${VERSION}`);
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(older).map((name) => caches.delete(name)))),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(registration.scope)) return;
  const instead = async (fault) => {
    const found = await (await open()).match(request, { ignoreSearch: true });
    if (found) return found;
    throw fault;
  };
  event.respondWith(fetch(request).catch(instead));
});
