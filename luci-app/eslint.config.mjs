// Run from the project's folder: luci-app/node_modules/.bin/eslint -c luci-app/eslint.config.mjs luci-app/luci-app-dusk dusk/web/static
// LuCI runs a module as the body of a function: it may return, and has the names of its 'require' lines.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BROWSER = [
	'AbortSignal', 'Blob', 'Node', 'URL', 'TextEncoder', 'clearTimeout', 'document', 'fetch', 'history', 'location', 'navigator',
	'queueMicrotask', 'sessionStorage', 'setTimeout', 'window'
];
const LUCI = [ 'E', '_' ];
const REQUIRE = /^'require (\S+?)(?: as (\w+))?';$/gm;

const globals = names => Object.fromEntries(names.map(name => [ name, 'readonly' ]));

function scripts(folder) {
	return readdirSync(join(HERE, folder), { recursive: true }).filter(name => name.endsWith('.js')).map(name => join(folder, name));
}

function moduleOf(path) {
	const required = [ ...readFileSync(join(HERE, path), 'utf8').matchAll(REQUIRE) ].map(match => match[2] || match[1]);
	return {
		files: [ `luci-app/${path}` ],
		languageOptions: {
			sourceType: 'script',
			parserOptions: { ecmaFeatures: { globalReturn: true } },
			globals: globals([ ...LUCI, ...required ])
		}
	};
}

export default [
	js.configs.recommended,
	{
		languageOptions: { ecmaVersion: 2022, sourceType: 'script', globals: globals(BROWSER) },
		rules: {
			'eqeqeq': 'error',
			'no-unused-vars': [ 'error', { caughtErrors: 'none' } ],
			'no-redeclare': [ 'error', { builtinGlobals: false } ],
			'no-var': 'error',
			'prefer-const': 'error',
			'no-implied-eval': 'error',
			'no-eval': 'error'
		}
	},
	...scripts('luci-app-dusk/htdocs').map(moduleOf)
];
