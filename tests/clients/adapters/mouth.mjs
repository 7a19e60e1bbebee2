// What the JavaScript adapters share: they speak one JSON object a line (see scenario.py) through a client of their own.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// Loads a package that ops/setup has put into .tools/npm.
export const load = createRequire(new URL('../../../.tools/npm/package.json', import.meta.url));

// MODE http URL | MODE stdio COMMAND…; the token is in MCP_TOKEN.
export const [mode, kind, ...where] = process.argv.slice(2);
export const token = process.env.MCP_TOKEN;

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
    try {
      say({ result: await call(request.call) });
    } catch (error) {
      if (error.code === undefined) throw error;
      say({ error: { code: error.code, message: error.message } });
    }
  }
  await close();
}
