// Without this script the form works as well. With it the checked sentences
// stand on the page as they come; the server renders them either way.
"use strict";

const form = document.querySelector("form");
const box = document.getElementById("q");
const place = document.getElementById("answer");
const status = document.getElementById("status");
let asking = new AbortController();

// events reads server-sent events out of a reply.
async function* events(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n");
      yield {
        name: lines[0].slice("event: ".length),
        data: lines.slice(1).map((line) => line.slice("data: ".length)).join("\n"),
      };
    }
  }
}

// fragment makes nodes of what the server has rendered and escaped.
function fragment(html) {
  const t = document.createElement("template");
  t.innerHTML = html;
  return t.content;
}

async function ask(question) {
  const address = "/?q=" + encodeURIComponent(question);
  asking.abort();
  const mine = (asking = new AbortController());
  const article = document.createElement("article");
  article.setAttribute("aria-busy", "true");
  article.append(document.createElement("h1"));
  article.firstChild.textContent = question;
  status.textContent = "Searching";
  let whole = false;
  try {
    const reply = await fetch(address, { headers: { Accept: "text/event-stream" }, signal: mine.signal });
    if (!reply.ok) throw new Error(reply.status);
    history.pushState(null, "", address);
    document.title = question + " - Groundwork";
    place.replaceChildren(article);
    for await (const e of events(reply)) {
      if (e.name === "step") status.textContent = e.data;
      if (e.name === "sentence") article.append(fragment(e.data));
      if (e.name === "error") throw new Error(e.data);
      if (e.name === "answer") {
        place.replaceChildren(fragment(e.data));
        const n = place.querySelectorAll(".sentence").length;
        status.textContent = n ? "Complete: " + n + (n === 1 ? " sentence" : " sentences") : "Not answered";
        whole = true;
      }
    }
    if (!whole) throw new Error("cut off");
  } catch (e) {
    if (!mine.signal.aborted) location.assign(address); // the page without a script says what is wrong
  }
}

form.addEventListener("submit", (e) => {
  e.preventDefault();
  ask(box.value);
});
addEventListener("popstate", () => location.reload());
