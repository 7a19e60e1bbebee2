// The MCP Inspector's command line: one process, one connection and one request a call. MODE is modern or legacy.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { kind, load, mode, talk, token, where } from './mouth.mjs';

const manifest = load.resolve('@modelcontextprotocol/inspector/package.json');
const program = join(dirname(manifest), load(manifest).bin['mcp-inspector']);
const folder = mkdtempSync(join(tmpdir(), 'orkestra-inspector-'));
const config = join(folder, 'mcp.json');
// In a file rather than on the command line, where every process of the machine could read the token.
const server = kind === 'http'
  ? { type: 'streamable-http', url: where[0], headers: { Authorization: `Bearer ${token}` } }
  : { type: 'stdio', command: where[0], args: where.slice(1), env: { MCP_TOKEN: token } };
writeFileSync(config, JSON.stringify({ mcpServers: { orkestra: { ...server, protocolEra: mode } } }), { mode: 0o600 });
process.on('exit', () => rmSync(folder, { recursive: true }));

const TOOL_ERROR = 5;

function run(...wanted) {
  const options = ['--cli', '--config', config, '--server', 'orkestra', '--protocol-era', mode, '-q', '--format', 'json'];
  const done = spawnSync(process.execPath, [program, ...options, ...wanted], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (done.status === 0 || (done.status === TOOL_ERROR && done.stdout.trim())) return JSON.parse(done.stdout).result;
  throw refused(done);
}

// A refusal as the Inspector tells it. It looks an unknown tool up in the list and does not even ask the server.
function refused({ status, stderr }) {
  const error = new Error(`inspector ended with ${status}: ${stderr.trim()}`);
  if (stderr.includes('"tool_not_found"')) error.code = 'tool_not_found';
  const code = /-32\d{3}/.exec(stderr);
  if (code) error.code = Number(code[0]);
  return error;
}

await talk({
  connected: run('--method', 'initialize').protocolVersion,
  list: () => run('--method', 'tools/list').tools,
  call: ({ name, arguments: given }) =>
    run('--method', 'tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(given)),
  close: () => {},
});
