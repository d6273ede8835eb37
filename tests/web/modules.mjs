// Runs functions of the page's shared modules where there is no browser: those that make texts, and no nodes.
// Reads {root, module, calls: [[name, ...arguments]]} as JSON, and writes what each call gave.
import { readFileSync } from 'node:fs';

const given = JSON.parse(readFileSync(0, 'utf8'));
const REQUIRE = /'require ([a-z][a-z0-9.]*)(?: as ([a-zA-Z_]\w*))?';/g;
const LUCI = { baseclass: { extend: members => members }, rpc: { declare: () => null }, ui: {} };
// a style sheet that is there already, and no node
const PLACE = { querySelector: () => true };
const made = new Map();

function load(name) {
	if (LUCI[name])
		return LUCI[name];
	if (!made.has(name)) {
		const text = readFileSync(`${given.root}/${name.replaceAll('.', '/')}.js`, 'utf8');
		const needs = Array.from(text.matchAll(REQUIRE), found => [ found[2] || found[1].split('.').pop(), load(found[1]) ]);
		const run = new Function('_', 'document', ...needs.map(need => need[0]), text);
		made.set(name, run(words => words, PLACE, ...needs.map(need => need[1])));
	}
	return made.get(name);
}

const module = load(given.module);
process.stdout.write(JSON.stringify(given.calls.map(([ name, ...args ]) => module[name](...args))));
