// The page that a link opens: it shows which machine that is, opens it at a click, and then shows
// its screen and its console.

import RFB from '../novnc/core/rfb.js';
import { Terminal } from '../xterm/lib/xterm.mjs';

/** What a closed connection says when its view may be tried again. */
const refusedCode = 4005;
const lostCode = 1006;
const triesMax = 6;
const pauseMs = 1500;

const element = (id) => document.getElementById(id);
const [name, said, views, open, keys] = ['name', 'said', 'views', 'open', 'keys'].map(element);
const link = new URL(location.href.replace(/\/$/, ''));

const say = (text) => {
  said.textContent = text;
};

/** Asks the server; throws an Error with its message when it refuses. */
async function ask(url, method) {
  const reply = await fetch(url, { method, headers: { accept: 'application/json' } });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.message);
  return answer.attributes;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs));

/** The address of a view; of a websocket with `ws`. */
function addressOf(kind, session, { ws }) {
  const url = new URL(`${session}/${kind}`, link);
  if (ws) url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/** Why a view cannot be: the server answers a plain request with its reason. */
const reasonFor = (kind, session) =>
  ask(addressOf(kind, session, { ws: false }), 'GET').then(
    () => 'The connection was lost.',
    (error) => (/websocket/.test(error.message) ? 'The connection was lost.' : error.message),
  );

/**
 * Opens a websocket, which `use` shows, again and again while the server cannot be reached or
 * another server has the machine. Resolves to why it ended.
 */
async function follow(kind, session, use) {
  let reason = '';
  for (let tries = 1; tries <= triesMax; tries++) {
    const socket = new WebSocket(addressOf(kind, session, { ws: true }));
    socket.binaryType = 'arraybuffer';
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.addEventListener('message', () => {
      tries = 1;
      say('');
    });
    use(socket);
    const { code, reason: told } = await closed;
    reason = told || (await reasonFor(kind, session));
    if (code !== refusedCode && code !== lostCode) break;
    say(`${reason} Trying again …`);
    await pause();
  }
  return reason;
}

/** Give the keys to a view that is shown, by its kind. */
const focus = { screen() {}, console() {} };

function showScreen(session) {
  const target = element('screen');
  return follow('screen', session, (socket) => {
    target.replaceChildren();
    const rfb = new RFB(target, socket, { shared: true });
    rfb.scaleViewport = true;
    rfb.resizeSession = true;
    rfb.focusOnClick = true;
    keys.onclick = () => rfb.sendCtrlAltDel();
    focus.screen = () => rfb.focus();
    rfb.addEventListener('connect', () => {
      if (!target.hidden) rfb.focus();
    });
  });
}

function showConsole(session) {
  const target = element('console');
  const terminal = new Terminal({ cols: 80, rows: 24, scrollback: 5000, cursorBlink: true });
  terminal.open(target);
  focus.console = () => terminal.focus();
  return follow('console', session, (socket) => {
    terminal.reset();
    const typed = terminal.onData((text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(new TextEncoder().encode(text));
    });
    socket.addEventListener('message', ({ data }) => terminal.write(new Uint8Array(data)));
    socket.addEventListener('close', () => typed.dispose());
  });
}

const shows = { screen: showScreen, console: showConsole };
const titles = { screen: 'Screen', console: 'Console' };

/** Makes a button for each view; a view begins when it is chosen first. */
function offer({ session, views: kinds }) {
  const begun = new Set();
  const choose = (chosen) => {
    for (const kind of kinds) element(kind).hidden = kind !== chosen;
    for (const button of views.children) button.ariaPressed = String(button.value === chosen);
    keys.hidden = chosen !== 'screen';
    if (begun.has(chosen)) return focus[chosen]();
    begun.add(chosen);
    say('Connecting …');
    void shows[chosen](session).then((reason) => {
      begun.delete(chosen);
      say(reason);
    });
    focus[chosen]();
  };
  for (const kind of kinds) {
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', value: kind, textContent: titles[kind] });
    button.addEventListener('click', () => choose(kind));
    views.append(button);
  }
  views.hidden = false;
  choose(kinds[0]);
}

/** The secret of an opened link is kept for a reload of the page, until its tab is closed. */
const kept = `silversmith ${link.pathname}`;

async function begin() {
  const before = sessionStorage.getItem(kept);
  if (before !== null) {
    const opened = JSON.parse(before);
    name.textContent = opened.machine_name;
    return offer(opened);
  }
  const found = await ask(link, 'GET');
  name.textContent = found.machine_name;
  say(`This link opens the machine once, until ${new Date(found.expires_at).toLocaleString()}.`);
  open.hidden = false;
  open.addEventListener('click', async () => {
    open.hidden = true;
    try {
      const opened = await ask(link, 'POST');
      sessionStorage.setItem(kept, JSON.stringify(opened));
      offer(opened);
    } catch (error) {
      say(error.message);
    }
  });
}

begin().catch((error) => say(error.message));
