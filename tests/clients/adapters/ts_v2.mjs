// The official TypeScript client, second generation (@modelcontextprotocol/client 2.x). MODE is auto or legacy.
import { capabilities, fill, kind, load, mode, pages, talk, token, where } from './mouth.mjs';

const { Client, StreamableHTTPClientTransport } = load('@modelcontextprotocol/client');
const { StdioClientTransport } = load('@modelcontextprotocol/client/stdio');

const transport = kind === 'http'
  ? new StreamableHTTPClientTransport(new URL(where[0]), { requestInit: { headers: { Authorization: `Bearer ${token}` } } })
  : new StdioClientTransport({ command: where[0], args: where.slice(1), env: { MCP_TOKEN: token }, stderr: 'inherit' });
const client = new Client({ name: 'orkestra-tests', version: '1' }, { capabilities, versionNegotiation: { mode } });
if (capabilities.elicitation) client.setRequestHandler('elicitation/create', fill);
await client.connect(transport);

await talk({
  connected: client.getNegotiatedProtocolVersion(),
  list: () => pages(cursor => client.listTools(cursor === undefined ? undefined : { cursor })),
  call: (request, options) => client.callTool(request, options),
  close: () => client.close(),
});
