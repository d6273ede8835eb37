// Runs the text of LuCI's backend, which is ucode, as JavaScript: the two are alike where it uses them, and what ucode
// has besides stands here. Reads {text, list, later, calls} as JSON, and writes what each call sent and got.
import { readFileSync } from 'node:fs';

const given = JSON.parse(readFileSync(0, 'utf8'));
const MS = 10;

let sent = [], answers = [], ticks = 0;

class Connection {
	send(line) { sent.push(line); return Buffer.byteLength(line); }
	recv() { return answers.shift() ?? ''; }
	close() { this.isClosed = true; }
}

const builtins = {
	readfile: () => JSON.stringify(given.list),
	connect: () => given.calls[0].connection === false ? null : new Connection(),
	poll: (ms, [ connection, events ]) => { ticks += answers.length ? MS : ms; return answers.length ? [ [ connection, events ] ] : []; },
	AF_UNIX: 1, SOCK_STREAM: 1, POLLIN: 1, POLLERR: 8, POLLHUP: 16,
	clock: () => [ Math.floor(ticks / 1000), (ticks % 1000) * 1000000 ],
	int: Math.trunc,
	hex: text => parseInt(text, 16),
	length: what => typeof what === 'string' ? Buffer.byteLength(what) : what.length,
	push: (list, one) => list.push(one),
	join: (by, list) => list.join(by),
	substr: (text, at, count) => at < 0 ? text.slice(at) : text.slice(at, count === undefined ? undefined : at + count),
	match: (text, pattern) => typeof text === 'string' ? text.match(pattern) : null,
	json: JSON.parse,
	type: what => what === null || what === undefined ? null : Array.isArray(what) ? 'array' : typeof what,
	sprintf: (form, what) => form === '%02x' ? what.toString(16).padStart(2, '0') : JSON.stringify(what) + '\n',
	require: name => {
		if (name !== 'uloop' || !given.later)
			throw new Error(`no module ${name}`);
		return {
			ULOOP_READ: 1,
			handle: (connection, work) => { setImmediate(function again() { if (!connection.isClosed) { work(); setImmediate(again); } }); return { delete: () => {} }; },
			timer: () => ({ cancel: () => {} })
		};
	}
};

const text = given.text
	.replace(/^import \{[^}]*\} from '(fs|socket)';$/gm, '')
	.replace(/for \(let (\w+), (\w+) in (json\(readfile\(LIST\)\))\)/, 'for (let [ $1, $2 ] of Object.entries($3))');
const methods = new Function(...Object.keys(builtins), text)(...Object.values(builtins))['luci.dusk'];

const results = [];
while (given.calls.length) {
	const [ call ] = given.calls;
	sent = [];
	answers = [ ...call.answers ];
	let reply;
	const request = { args: call.args, reply: said => { reply = said; } };
	if (given.later)
		request.defer = () => null;
	const said = methods[call.method].call(request);
	while (given.later && said === null && reply === undefined)
		await new Promise(resolve => setImmediate(resolve));
	results.push({ sent, said: said ?? reply });
	given.calls.shift();
}
process.stdout.write(JSON.stringify(results));
