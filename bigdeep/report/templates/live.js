"use strict";
// Looks every few seconds whether the page has changed, and loads it anew where it has.
let version = null;
setInterval(async () => {
  try {
    const answer = await fetch(location.href, {method: "HEAD", cache: "no-store"});
    const found = answer.headers.get("ETag");
    if (version && found !== version) {
      sessionStorage.setItem("scroll", String(scrollY));
      location.reload();
    }
    version = found;
  } catch (error) { /* the server has ended: the page stays as it is */ }
}, 3000);
addEventListener("load", () => scrollTo(0, Number(sessionStorage.getItem("scroll") || 0)));
