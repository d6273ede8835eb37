'use strict';
'require baseclass';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* What differs from router to router, group to group: ${name} in a policy. */

const E = nodes.make;
const CLUSTER = 'cluster';

function scopes(groups, devices) {
	return [ [ CLUSTER, _('the cluster') ] ].concat(
		groups.map(group => [ 'group/' + group.name, widgets.filled(_('group %s'), group.name) ]),
		devices.map(device => [ 'device/' + device.name, device.name ]));
}

function unset(row) {
	const button = widgets.button(_('Take out'), 'cbi-button-negative', async () =>
		widgets.told(await session.call('var_unset', { scope: row.scope, names: [ row.name ] })));
	button.setAttribute('aria-label', widgets.filled(_('Take out %s of %s'), row.name, row.scope));
	return button;
}

function form(groups, devices) {
	const scope = widgets.select('dusk-var-of', scopes(groups, devices));
	const name = E('input', { id: 'dusk-var-name', 'class': 'cbi-input-text', maxlength: '63', spellcheck: 'false' });
	const value = E('input', { id: 'dusk-var-value', 'class': 'cbi-input-text', autocomplete: 'off', spellcheck: 'false' });
	const secret = widgets.checkbox('dusk-var-secret', _('It is a secret: it is sealed, and shown to nobody who may not read it.'), false);
	const box = secret.querySelector('input');
	box.addEventListener('change', () => {
		value.setAttribute('type', box.checked ? 'password' : 'text');
		value.setAttribute('autocomplete', box.checked ? 'new-password' : 'off');
	});
	return [
		widgets.field(_('Variable of'), scope), widgets.field(_('Its name'), name), widgets.field(_('Its value'), value), E('p', {}, secret),
		E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare the variable'), 'cbi-button-action', async () => {
			const variables = [ { name: name.value.trim(), values: [ value.value ] } ];
			if (widgets.told(await session.call('var_set', { scope: scope.value, variables: variables, secret: box.checked })))
				value.value = '';
		}))
	];
}

return baseclass.extend({
	load: function() {
		return lists.variables();
	},

	shown: function(listed, groups, devices) {
		return widgets.part(_('Variables'), [
			widgets.table(_('Variables'), [ _('Of'), _('Name'), _('Value'), _('What to do') ], listed.map(row => [
				row.scope, row.name, [].concat(row.value).join(', '), unset(row)
			]), _('There is no variable yet.')),
			form(groups, devices)
		]);
	}
});
