// Puts a bearer token on every request, because the conformance suite cannot send one: `MCP_TOKEN=… node proxy.mjs http://127.0.0.1:PORT/mcp`.
// Prints one JSON object with its own address. Host and Origin go through as they came, apart from the port, so that the server's checks
// of both are tested as well.
import { createServer, request } from 'node:http';

const target = new URL(process.argv[2]);
const token = process.env.MCP_TOKEN;
let own;

// What names the proxy names the server instead; any other value is left for the server to refuse.
const translated = value => value?.replace(`:${own}`, `:${target.port}`);

const proxy = createServer((incoming, outgoing) => {
  const headers = { ...incoming.headers, authorization: `Bearer ${token}` };
  for (const name of ['host', 'origin']) {
    if (headers[name]) headers[name] = translated(headers[name]);
  }
  const options = { host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers };
  const onward = request(options, answer => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    outgoing.flushHeaders();
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  // A client that goes away cancels its request; the server has to notice.
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
});

proxy.listen(0, '127.0.0.1', () => {
  own = proxy.address().port;
  console.log(JSON.stringify({ mcp: `http://127.0.0.1:${own}${target.pathname}` }));
});
