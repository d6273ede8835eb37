'use strict';
'require baseclass';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* Routers that a group takes in by what they say of themselves: they get its settings, and read its secrets where somebody
 * who knows them said so. */

const E = nodes.make;

function state(row) {
	if (row.waits)
		return widgets.badge('warn', _('waits'));
	if (!row.allowed)
		return row.selected ? _('nothing to read') : '-';
	return row.selected ? widgets.badge('good', _('may read')) : widgets.badge('warn', _('may read, and is not in it any more'));
}

function prepared(method, group, devices) {
	return async () => widgets.told(await session.call(method, { name: group, devices: devices }));
}

function action(row) {
	const button = row.allowed
		? widgets.button(_('Take back'), 'cbi-button-negative', prepared('group_deny', row.group, [ row.device ]))
		: widgets.button(_('Let it read'), '', prepared('group_allow', row.group, [ row.device ]));
	button.setAttribute('aria-label', widgets.filled('%s: %s, %s', button.textContent, row.device, row.group));
	return button;
}

/* One group; who waits stands first. */
function group(name, rows) {
	const waiting = rows.filter(row => row.waits).map(row => row.device), others = rows.filter(row => !row.waits);
	const table = widgets.table(widgets.filled(_('Who may read secrets of %s'), name), [ _('Router'), _('Secrets'), _('What to do') ],
		rows.filter(row => row.waits).concat(others).map(row => [ row.device, state(row), action(row) ]));
	return widgets.folded(widgets.filled(_('%s: %d wait, %d may read'), name, waiting.length, rows.filter(row => row.allowed).length), [
		table,
		waiting.length > 1 ? E('div', { 'class': 'dusk-actions' }, widgets.button(widgets.filled(_('Let all %d that wait read'), waiting.length), '',
			prepared('group_allow', name, waiting))) : null
	]);
}

return baseclass.extend({
	load: function() {
		return api.call('group_readers').catch(error => error);
	},

	/* Nothing where no group takes in anybody by facts. */
	shown: function(listed) {
		if (listed instanceof Error)
			return widgets.trouble(listed);
		const names = [ ...new Set(listed.readers.map(row => row.group)) ];
		return names.length ? widgets.part(_('Who may read secrets'), [
			E('p', { 'class': 'hint' }, _('A router that is in a group by what it says of itself gets its settings, but reads no secret of it until somebody who knows that router has said so.')),
			names.map(name => group(name, listed.readers.filter(row => row.group === name)))
		]) : null;
	}
});
