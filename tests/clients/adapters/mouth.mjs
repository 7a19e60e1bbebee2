// What the JavaScript adapters share: they speak one JSON object a line (see scenario.py and asked.py) through a client of their own.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

// Loads a package that ops/setup has put into .tools/npm.
export const load = createRequire(new URL('../../../.tools/npm/package.json', import.meta.url));

// MODE http URL | MODE stdio COMMAND…; the token is in MCP_TOKEN.
export const [mode, kind, ...where] = process.argv.slice(2);
export const token = process.env.MCP_TOKEN;
// What a client that can be asked declares.
export const capabilities = process.env.ELICIT ? { elicitation: { form: {} } } : {};
const seen = { asked: [], told: 0 };

// Fills a form as the call said; the client gives this to its SDK.
export async function fill({ params }) {
  seen.asked.push({ message: params.message, schema: params.requestedSchema });
  await sleep(seen.waitMs ?? 0);
  return seen.form;
}

// Calls and says what was seen meanwhile.
async function observed(call, request) {
  Object.assign(seen, { asked: [], told: 0, form: request.form, waitMs: request.waitMs });
  const signal = request.abandonMs ? AbortSignal.timeout(request.abandonMs) : undefined;
  const onprogress = () => { seen.told += 1; };
  try {
    return { result: await call(request.call, { signal, onprogress }), asked: seen.asked, told: seen.told };
  } catch (error) {
    if (signal?.aborted) return { abandoned: true, asked: seen.asked, told: seen.told };
    if (error.code === undefined) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

// Every page of the tools that `page(cursor)` gives.
export async function pages(page) {
  const tools = [];
  for (let cursor; ; ) {
    const answer = await page(cursor);
    tools.push(...answer.tools);
    cursor = answer.nextCursor;
    if (cursor === undefined) return tools;
  }
}

// Answers requests until stdin ends. `call` throws what the client throws; a refusal has a `code`, anything else ends the adapter.
export async function talk({ connected, list, call, close }) {
  const say = message => process.stdout.write(JSON.stringify(message) + '\n');
  say({ connected });
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.list) {
      say({ tools: await list() });
      continue;
    }
    say(await observed(call, request));
  }
  await close();
}
