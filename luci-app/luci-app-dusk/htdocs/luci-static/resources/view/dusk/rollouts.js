'use strict';
'require poll';
'require view';
'require dusk.address as address';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* Changes that reach the routers wave by wave: how far they are, why they stand still, and what a person says. */

const E = nodes.make;
const SECONDS = 5;
const STATES = {
	held: [ 'warn', _('not begun') ],
	scheduled: [ 'quiet', _('waits for its time') ],
	running: [ 'good', _('under way') ],
	staging: [ 'good', _('all get ready') ],
	switching: [ 'good', _('all switch') ],
	paused: [ 'warn', _('paused') ],
	stopped: [ 'bad', _('stopped') ],
	done: [ 'quiet', _('done') ],
	abort: [ 'quiet', _('taken back') ],
	force: [ 'quiet', _('sent to all') ]
};
const DEVICES = {
	waits: _('not its turn yet'),
	applied: _('in effect'),
	offline: _('not heard'),
	applying: _('under way'),
	switched: _('switched')
};
const TO_BEGIN = [ 'held', 'scheduled' ];
const STANDS_STILL = [ 'paused', 'stopped' ];

function state(rollout) {
	const [ kind, text ] = STATES[rollout.state] || [ 'quiet', rollout.state ];
	return widgets.badge(kind, text);
}

function waves(rollout) {
	if (rollout.together)
		return _('all in one moment');
	return widgets.filled(_('%s of %s'), rollout.wave, rollout.waves_count);
}

function devices(wave) {
	return widgets.part(widgets.filled(wave.open ? _('Wave %d, opened') : _('Wave %d'), wave.wave), widgets.table(_('Its routers'),
		[ _('Router'), _('State'), _('Why') ], wave.devices.map(device => [
			E('a', { href: widgets.href('device', device.name) }, device.name), DEVICES[device.state] || device.state, device.reason || ''
		]), _('All that are left.')));
}

return view.extend({
	load: async function() {
		const id = widgets.shown();
		return { id: id, said: await (id ? api.call('rollout_show', { id: id }) : api.call('rollout_list')).catch(error => error) };
	},

	/* What was asked for another address of this view, or earlier, comes too late. */
	again: async function() {
		const turn = this.turn = (this.turn || 0) + 1, data = await this.load();
		if (turn === this.turn && data.id === widgets.shown())
			this.show(data);
	},

	order: async function(rollout, what, failures) {
		if (widgets.told(await session.act('rollout_order', { id: rollout.id, what: what, failures: failures })))
			await this.again();
	},

	sure: async function(rollout, what, text, action) {
		if (await widgets.sure(_('Are you sure?'), text, action))
			await this.order(rollout, what);
	},

	/* How many may fail is said with the word to go on: one more than before is what a stopped one needs. Where it is not
	 * known how many these were, a person says it: none would be an answer, too. */
	goOn: function(rollout) {
		const known = rollout.failures_max === null ? '' : String(rollout.failures_max + (rollout.state === 'stopped' ? 1 : 0));
		const failures = address.input('dusk-failures', { type: 'number', min: '0', required: '', value: known });
		const given = () => Number(address.wanted(failures, _('Say how many routers may fail until it stops.')));
		const [ what, title ] = TO_BEGIN.includes(rollout.state) ? [ 'start', _('Begin') ] : [ 'resume', _('Go on') ];
		return [ widgets.field(_('Routers that may fail'), failures), E('div', { 'class': 'dusk-actions' },
			widgets.button(title, 'cbi-button-action', () => this.order(rollout, what, given()))) ];
	},

	actions: function(rollout) {
		if (rollout.ended)
			return null;
		const isStill = STANDS_STILL.includes(rollout.state);
		return [
			isStill || TO_BEGIN.includes(rollout.state) ? this.goOn(rollout) : null,
			E('div', { 'class': 'dusk-actions' }, [
				isStill || rollout.state === 'held' ? null : widgets.button(_('Pause'), '', () => this.order(rollout, 'pause')),
				widgets.button(_('Send to all now'), 'cbi-button-negative', () => this.sure(rollout, 'force',
					_('All routers apply it at once; no failure stops it any more.'), _('Send to all now'))),
				widgets.button(_('Take back'), 'cbi-button-negative', () => this.sure(rollout, 'abort',
					_('What it changed is put back, also on routers that have it in effect.'), _('Take back')))
			])
		];
	},

	one: function(rollout) {
		return [
			E('p', {}, [ rollout.message, ' ', E('span', { 'class': 'dusk-quiet' }, rollout.author) ]),
			widgets.facts([
				[ _('State'), state(rollout) ],
				[ _('Waves'), waves(rollout) ],
				[ _('Version'), String(rollout.seq) ],
				[ _('May fail'), rollout.failures_max === null ? _('not known any more') : String(rollout.failures_max) ]
			].concat(rollout.starts ? [ [ _('Begins'), widgets.time(rollout.starts, true) ] ] : [])),
			rollout.why ? E('div', { 'class': 'alert-message ' + (rollout.state === 'stopped' ? 'danger' : 'notice') }, E('p', {}, rollout.why)) : null,
			this.actions(rollout),
			rollout.waves.map(devices),
			rollout.more ? E('p', { 'class': 'hint' }, _('There are more routers than are shown here.')) : null,
			E('p', {}, E('a', { href: '#' }, _('All rollouts')))
		];
	},

	all: function(listed) {
		return [
			widgets.table(_('Rollouts'), [ _('Rollout'), _('State'), _('Waves'), _('What'), _('Who'), _('When') ], listed.rollouts.map(one => [
				E('a', { href: widgets.href('rollouts', one.id) }, one.id), state(one), waves(one), one.message, one.author, widgets.time(one.time, true)
			]), _('Nothing was sent in waves yet. Under Edits you choose how a change is sent.')),
			listed.more ? E('p', { 'class': 'hint' }, _('Older ones are not shown.')) : null
		];
	},

	/* Where nothing changed nothing is shown anew, and what somebody types stays. */
	show: function({ id, said }) {
		const title = id ? widgets.filled(_('Rollout %s'), id) : _('Rollouts');
		if (id !== this.id)
			nodes.fill(this.place, null);
		this.id = id;
		nodes.show(this.title, title, () => title);
		nodes.show(this.place, [ id, said instanceof Error ? said.message : said ],
			() => said instanceof Error ? widgets.trouble(said) : said.rollouts ? this.all(said) : this.one(said));
	},

	render: function(data) {
		this.title = E('h2', {});
		this.place = E('div', {});
		this.show(data);
		poll.add(async () => {
			await api.refresh();
			await this.again();
		}, SECONDS);
		window.addEventListener('hashchange', () => this.again());
		return E('div', {}, [ this.title, this.place ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
