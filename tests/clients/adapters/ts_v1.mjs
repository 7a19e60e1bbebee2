// The official TypeScript client, first generation (@modelcontextprotocol/sdk 1.x): what most hosts contain today. Only legacy.
import { capabilities, fill, kind, load, pages, talk, token, where } from './mouth.mjs';

const { Client } = load('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = load('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { ElicitRequestSchema } = load('@modelcontextprotocol/sdk/types.js');
const { StdioClientTransport } = load('@modelcontextprotocol/sdk/client/stdio.js');

// This generation does not say what it negotiated, so the transport is asked what it was told.
let negotiated;
const transport = kind === 'http'
  ? new StreamableHTTPClientTransport(new URL(where[0]), { requestInit: { headers: { Authorization: `Bearer ${token}` } } })
  : new StdioClientTransport({ command: where[0], args: where.slice(1), env: { MCP_TOKEN: token }, stderr: 'inherit' });
const told = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = version => { negotiated = version; told?.(version); };
const client = new Client({ name: 'orkestra-tests', version: '1' }, { capabilities });
if (capabilities.elicitation) client.setRequestHandler(ElicitRequestSchema, fill);
await client.connect(transport);

await talk({
  connected: negotiated,
  list: () => pages(cursor => client.listTools(cursor === undefined ? undefined : { cursor })),
  call: (request, options) => client.callTool(request, undefined, options),
  close: () => client.close(),
});
