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

const PATIENCE = 3000; // milliseconds in which the network is to answer
let patience = PATIENCE; // none once it did not, until it does again

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(registration.scope)) return;
  const fresh = fetch(request);
  const late = new Promise((_, reject) => {
    const clock = setTimeout(() => {
      patience = 0;
      reject();
    }, patience);
    fresh.then(
      () => {
        patience = PATIENCE;
        clearTimeout(clock);
      },
      () => clearTimeout(clock),
    );
  });
  const kept = async () => (await (await open()).match(request, { ignoreSearch: true })) ?? fresh;
  event.respondWith(Promise.race([fresh, late]).catch(kept));
});
