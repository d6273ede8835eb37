// Runs the form of this router's own settings with stand-ins for LuCI: reads {text, saved, ticks} as JSON, saves once for each
// tick (whether *Holds still* is ticked then), and writes the options that the file has after each.
import { readFileSync } from 'node:fs';

const given = JSON.parse(readFileSync(0, 'utf8'));
const saved = given.saved, made = {};

const uci = {
	get: (config, section, option) => saved[option],
	set: (config, section, option, value) => { saved[option] = value; },
	unset: (config, section, option) => { delete saved[option]; }
};
const section = { option: (kind, name) => made[name] = { enabled: '1', disabled: '0' } };
const form = { Map: class { section() { return section; } render() {} } };
const view = { extend: members => members };

new Function('form', 'uci', 'view', '_', given.text)(form, uci, view, text => text).render();
const hold = made.hold;

// A flag is written at each saving, changed or not; where it says what is so by default, it is removed.
process.stdout.write(JSON.stringify(given.ticks.map(isTicked => {
	if (isTicked)
		hold.write('main', hold.enabled);
	else
		hold.remove('main');
	return { ...saved };
})));
