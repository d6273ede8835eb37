'use strict';
'require poll';
'require view';
'require dusk.api as api';
'require dusk.csv as csv';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.qr as qr';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* Who wants to come, who is expected, and the keys with which routers come. */

const E = nodes.make;
const SECONDS = 5;
const EXPECTED_PER_CALL = 100;
const ID_DIGITS = 8;
const WHY = {
	'approval-needed': _('Its join key lets nobody in without a person.'),
	'joinkey-used-up': _('Its join key is used up.'),
	'label-known': _('A router with this label is here already.')
};
const REBINDS = [
	[ 'ask', _('ask a person') ],
	[ 'auto', _('by itself, once the former one was silent for long; only labels listed above') ],
	[ 'never', _('it comes as a new one') ]
];

function short(id) {
	return id.slice(0, ID_DIGITS);
}

/* As what a router was let in, and which one that is: it may have chosen its name itself. */
function whoComes(device) {
	const given = Object.entries(device.variables).map(([ name, value ]) => `${name}=${[].concat(value).join(' ')}`);
	return [ `${device.text} (${[ short(device.id), device.label ].filter(Boolean).join(', ')})`, ...given ].join(', ');
}

function groupsOf(listed) {
	return listed.map(group => group.name);
}

/* Who waits, and the members, some of which came back by themselves. */
async function waiting() {
	const [ pending, devices ] = await Promise.all([ lists.pending(), lists.devices() ]);
	return { pending: pending, devices: devices };
}

/* What is known of one that waits, in words. */
function facts(one) {
	if (one.like && one.like_online)
		return [ widgets.badge('bad', _('two of one label')), ' ',
			widgets.filled(_('Looks like %s, which is online: one of the two is a copy, or was stolen. Look at both.'), one.like) ];
	if (one.like)
		return [ widgets.badge('warn', _('known label')), ' ',
			widgets.filled(_('Looks like %s, which is absent: the same after a reset? A label can be copied.'), one.like) ];
	return WHY[one.why] || one.why;
}

return view.extend({
	load: function() {
		return Promise.all([ waiting(), api.call('joinkey_list'), lists.groups(), lists.expected() ]).catch(error => error);
	},

	/* Has the leader told what it knows, and shows who waits; where nobody answers, what was shown stays. */
	look: async function() {
		await api.refresh();
		const said = await waiting().catch(error => error), wrong = said instanceof Error ? said.message : null;
		nodes.show(this.wrongPlace, wrong, () => wrong && widgets.trouble(said));
		if (!wrong)
			this.showWaiting(said);
	},

	again: async function() {
		const data = await this.load();
		if (data instanceof Error)
			throw data;
		this.showWaiting(data[0]);
		if (!this.order.includes(this.askedAs))
			nodes.fill(this.asPlace, null);
		this.groups = groupsOf(data[2]);
		nodes.fill(this.expectedPlace, this.expectedTable(data[3]));
		nodes.fill(this.keysPlace, this.keys(data[1].joinkeys));
	},

	/* --- who waits -------------------------------------------------------------------------------- */

	approve: async function(given) {
		const let_in = [];
		let said;
		do {
			said = await session.act('device_approve', given);
			if (!said)
				return;
			let_in.push(...said.devices);
		} while (given.all && said.left && said.state !== 'queued');
		widgets.tell(let_in.length ? let_in.map(whoComes).join('; ') : _('Nobody is let in.'), let_in.length ? 'success' : 'info');
		(said.notes || []).forEach(note => widgets.tell(note, 'warning'));
		said.skipped.forEach(one => widgets.tell(`${short(one.id)} (${one.label}): ${one.reason}`, 'warning'));
		if (said.rebinds.length)
			widgets.tell(widgets.filled(_('Left out, as each would get the place of a router that is absent; let in one by one whom you know: %s'), said.rebinds.map(one => `${short(one.id)} → ${one.like}`).join(', ')), 'warning');
		await this.again();
	},

	refuse: async function(one) {
		const is_sure = await widgets.sure(widgets.filled(_('Refuse %s'), one.name || one.label),
			_('It is not let in by its join key any more. Somebody who looked at it can still let it in by hand.'), _('Refuse'));
		const said = is_sure && await session.act('device_reject', { names: [ one.id ] });
		if (said) {
			widgets.told(said);
			await this.again();
		}
	},

	/* Asks for name and groups of one that waits. */
	askAs: function(one) {
		const name = E('input', { id: 'dusk-as-name', 'class': 'cbi-input-text', maxlength: '63', placeholder: one.like ? '' : one.name });
		const groups = widgets.choices(_('Further groups'), this.groups);
		this.askedAs = one.id;
		nodes.fill(this.asPlace, E('section', { 'class': 'cbi-section', 'aria-labelledby': 'dusk-as' }, [
			E('h4', { id: 'dusk-as', tabindex: '-1' }, widgets.filled(_('Let %s in as a router of its own'), one.name || one.label)),
			widgets.field(_('Name'), name, _('Without one it gets the name that was set aside for it, or a name by the rules of its join key.')),
			groups.node,
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Let it in'), 'cbi-button-action important', async () => {
					if (one.like && !name.value.trim()) {
						name.focus();
						throw new Error(widgets.filled(_('Give it a name: without one it would take the place of %s.'), one.like));
					}
					await this.approve({ names: [ one.id ], name: name.value.trim(), groups: groups.chosen() });
				}),
				widgets.button(_('Cancel'), '', () => nodes.fill(this.asPlace, null))
			])
		]));
		document.getElementById('dusk-as').focus();
	},

	actions: function(one) {
		const like = one.like && !one.like_online;
		return E('div', { 'class': 'dusk-actions' }, [
			one.like ? null : widgets.button(_('Let in'), 'cbi-button-action', () => this.approve({ names: [ one.id ] })),
			like ? widgets.button(widgets.filled(_('It is %s'), one.like), 'cbi-button-action', () => this.approve({ names: [ one.id ] })) : null,
			widgets.button(one.like ? _('It is another one…') : _('Let in as…'), '', () => this.askAs(one)),
			widgets.button(_('Refuse'), 'cbi-button-negative', () => this.refuse(one))
		]);
	},

	/* Shows who waits: who was there keeps its row, who is new comes below. */
	showWaiting: function(listed) {
		const of = new Map(listed.pending.map(one => [ one.id, one ]));
		const late = listed.pending.slice().sort((a, b) => b.asked_s_ago - a.asked_s_ago).map(one => one.id);
		this.order = [ ...new Set((this.order || []).concat(late)) ].filter(id => of.has(id));
		this.waiting.show(this.order.map(id => this.waitingRow(of.get(id))));
		this.allPlace.hidden = listed.pending.length < 2;
		const returned = listed.devices.filter(device => device.rebound);
		this.returned.show(returned.map(device => ({
			key: device.id,
			says: [ device.name, device.rebound, device.name ],
			cells: () => [
				device.name,
				widgets.filled(_('It has the label of %s and got its place; it can read no secrets before somebody confirms it.'), device.rebound),
				widgets.button(_('It is the same'), 'cbi-button-action', () => this.approve({ names: [ device.name ] }))
			]
		})));
		this.returnedPlace.hidden = !returned.length;
	},

	waitingRow: function(one) {
		const asked = widgets.ago(one.asked_s_ago), like = [ one.like, one.like_online ];
		return {
			key: one.id,
			says: [ one.name, one.label, one.id, asked, [ one.why, like ], [ one.name, one.label, like ] ],
			cells: () => [ one.name || '-', one.label || '-', short(one.id), asked, facts(one), this.actions(one) ]
		};
	},

	/* --- who is expected --------------------------------------------------------------------------- */

	expectedTable: function(expected) {
		return widgets.table(_('Expected routers'), [ _('Label'), _('Name'), _('Groups'), _('Variables') ], expected.map(one => [
			one.label, one.name || '-', one.groups.join(', ') || '-',
			Object.keys(one.variables).map(name => name + '=' + one.variables[name]).join(', ') || '-'
		]), _('Nobody is expected.'));
	},

	expect: async function(rows) {
		for (let at = 0; at < rows.length; at += EXPECTED_PER_CALL) {
			const said = await session.act('device_expect', { devices: rows.slice(at, at + EXPECTED_PER_CALL) });
			if (!said)
				return;
			widgets.told(said);
		}
		await this.again();
	},

	expectForm: function() {
		const file = E('input', { id: 'dusk-csv-file', type: 'file', accept: '.csv,text/csv' });
		const text = E('textarea', { id: 'dusk-csv', spellcheck: 'false', placeholder: 'label,name,groups\nAA:BB:CC:00:11:22,attic,office upstairs' });
		const preview = E('div', {});
		const read = () => {
			const rows = csv.expected(text.value);
			nodes.fill(preview, this.expectedTable(rows));
			return rows;
		};
		file.addEventListener('change', async () => {
			if (!file.files.length)
				return;
			text.value = await file.files[0].text();
			try {
				read();
			}
			catch (error) {
				nodes.fill(preview, widgets.trouble(error));
			}
		});
		return widgets.folded(_('Say who will come'), [
			widgets.field(_('Table'), file, _('A file with a line each: label, name, groups with blanks between, variables as NAME=VALUE.')),
			widgets.field(_('or its text'), text),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Check'), '', read),
				widgets.button(_('Expect these'), 'cbi-button-action', () => this.expect(read()))
			]),
			preview
		]);
	},

	/* --- join keys ----------------------------------------------------------------------------------- */

	keys: function(keys) {
		return widgets.table(_('Join keys'), [ _('Key'), _('State'), _('Used'), _('Lets in'), _('Until'), _('Groups'), '' ], keys.map(key => [
			short(key.id),
			key.pending ? widgets.filled(_('%s, %d wait'), key.state, key.pending) : key.state,
			widgets.filled(_('%d of %d'), key.used, key.uses),
			[ key.mode === 'auto' ? _('without asking') : _('after approval'), key.labels.length ? widgets.filled(_('only %s'), key.labels.join(', ')) : '',
				key.name ? widgets.filled(_('as %s'), key.name) : '' ].filter(part => part).join(', '),
			key.expires ? widgets.time(key.expires, true) : _('no end'),
			key.groups.join(', ') || '-',
			key.state === 'revoked' ? '' : widgets.button(_('Revoke'), 'cbi-button-negative', () => this.revoke(key))
		]), _('There is no join key.'));
	},

	revoke: async function(key) {
		const too = widgets.checkbox('dusk-with-devices', _('Remove all routers that came by it, too'));
		if (!await widgets.sure(widgets.filled(_('Revoke the join key %s'), short(key.id)), [
			E('p', {}, _('It lets nobody in any more. Routers that came by it stay.')),
			E('p', {}, too)
		], _('Revoke')))
			return;
		let said;
		do {
			said = await session.act('joinkey_revoke', { id: key.id, with_devices: too.querySelector('input').checked });
			if (!said)
				return;
			widgets.told(said);
		} while (said.left && said.state !== 'queued');
		await this.again();
	},

	/* Shows a new key, this once. */
	showKey: function(said) {
		const line = E('textarea', { id: 'dusk-join-line', 'class': 'dusk-short', readonly: '', spellcheck: 'false', autocomplete: 'off' });
		line.value = said.line;
		const address = URL.createObjectURL(new Blob([ said.line + '\n' ], { type: 'application/octet-stream' }));
		nodes.fill(this.newKeyPlace, E('section', { 'class': 'cbi-section alert-message', 'aria-labelledby': 'dusk-new-key' }, [
			E('h4', { id: 'dusk-new-key', tabindex: '-1' }, widgets.filled(_('The join key %s'), short(said.id))),
			E('p', {}, _('Whoever has it can ask to join. It is shown this once: keep it now.')),
			widgets.field(_('Line'), line, _('For `dusk join -`, or the page of a router that is in no cluster.')),
			qr.draw(said.line, _('The join key as a QR code')),
			E('div', { 'class': 'dusk-actions' }, [
				E('a', { 'class': 'btn cbi-button-action', href: address, download: `dusk-${short(said.id)}.key` }, _('Save as a file')),
				widgets.button(_('I have kept it'), '', () => {
					URL.revokeObjectURL(address);
					nodes.fill(this.newKeyPlace, null);
				})
			])
		]));
		document.getElementById('dusk-new-key').focus();
	},

	keyForm: function() {
		const uses = E('input', { id: 'dusk-uses', type: 'number', min: '1', max: '10000', value: '1' });
		const days = E('input', { id: 'dusk-days', type: 'number', min: '0', max: '3650', value: '7' });
		const auto = widgets.box('dusk-auto', false);
		const labels = E('textarea', { id: 'dusk-labels', 'class': 'dusk-short', spellcheck: 'false' });
		const rebind = widgets.select('dusk-rebind', REBINDS);
		const name = E('input', { id: 'dusk-template', 'class': 'cbi-input-text', maxlength: '63', placeholder: 'ap-{n}' });
		const groups = widgets.choices(_('Groups'), this.groups);
		return this.keyFold = widgets.folded(_('Make a join key'), [
			widgets.field(_('Lets in'), uses, _('So many routers.')),
			widgets.field(_('For so many days'), days, _('0 is for ever; else the clock of this router has to be set by NTP.')),
			groups.node,
			widgets.field(_('Without asking'), auto, _('Whoever has the key is in. Else each waits here for approval.')),
			widgets.field(_('Only these labels'), labels, _('One a line, with * for any characters; empty: any.')),
			widgets.field(_('After a reset'), rebind, _('What happens with one that was a member.')),
			widgets.field(_('Names'), name, _('{n} is a number, {name} what the router calls itself; empty: that.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Make it'), 'cbi-button-action important', async () => {
				const said = await session.act('joinkey_create', {
					uses: Number(uses.value), expires_s: Number(days.value) * 86400, groups: groups.chosen(), auto: auto.checked,
					labels: labels.value.split('\n').map(one => one.trim()).filter(one => one), rebind: rebind.value, name: name.value.trim()
				});
				if (!said)
					return;
				this.keyFold.open = false;
				this.showKey(said);  // before anything else that may fail: it is shown this once
				if (said.proposal)
					widgets.told(said);
				await this.again();
			}))
		], async () => groups.offer(groupsOf(await lists.groups())));
	},

	/* --- all of it ----------------------------------------------------------------------------------- */

	render: function(data) {
		if (data instanceof Error)
			return E('div', {}, [ E('h2', {}, _('Join')), widgets.trouble(data) ]);
		this.groups = groupsOf(data[2]);
		for (const place of [ 'wrongPlace', 'asPlace', 'newKeyPlace' ])
			this[place] = E('div', {});
		this.waiting = widgets.lasting(_('Routers that wait'), [ _('Router'), _('Label'), _('Id'), _('Asked'), _('What is known'), _('What to do') ],
			_('Nobody waits to be let in.'));
		this.returned = widgets.lasting(_('Routers that came back by themselves'), [ _('Router'), _('What is known'), _('What to do') ], '');
		this.returnedPlace = E('div', {}, [ E('h4', {}, _('Came back by themselves')), this.returned.node ]);
		this.allPlace = E('div', { 'class': 'dusk-actions' }, widgets.button(_('Let in all'), 'cbi-button-action', () => this.approve({ all: true })));
		this.expectedPlace = E('div', {}, this.expectedTable(data[3]));
		this.keysPlace = E('div', {}, this.keys(data[1].joinkeys));
		this.showWaiting(data[0]);
		poll.add(() => this.look(), SECONDS);
		return E('div', {}, [
			E('h2', {}, _('Join')),
			E('p', { 'class': 'cbi-map-descr' }, _('A router joins with a key, and waits here unless the key lets it in by itself.')),
			E('h3', {}, _('Who waits')), this.wrongPlace, this.waiting.node, this.allPlace, this.returnedPlace, this.asPlace,
			E('h3', {}, _('Who is expected')), this.expectedPlace, this.expectForm(),
			E('h3', {}, _('Join keys')), this.newKeyPlace, this.keysPlace, this.keyForm()
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
