'use strict';
'require poll';
'require view';
'require dusk.address as address';
'require dusk.api as api';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.states as states';
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
const GONE = 'no-rollout';
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
			E('a', { href: widgets.href('device', device.name) }, device.name), DEVICES[device.state] || states.applying(device.state), device.reason || '-'
		]), _('All that are left.')));
}

return view.extend({
	/* Behind which rollouts the pages begin that one turned to, the newest page first: the last one is shown. */
	marks: [ '' ],

	load: async function() {
		const id = widgets.shown();
		return { id: id, said: await (id ? lists.rollout(id) : this.page()).catch(error => error) };
	},

	/* A page of all that there ever were. */
	page: async function() {
		try {
			return await api.call('rollout_list', { after: this.marks[this.marks.length - 1] });
		}
		catch (error) {
			if (error.code !== GONE || this.marks.length === 1)
				throw error;
			this.marks = [ '' ];
			return this.page();
		}
	},

	/* Whose last page has no button that was pressed has the keyboard on the other one. */
	turnTo: async function(marks) {
		this.marks = marks;
		await this.again();
		const other = this.place.querySelector('nav button');
		if (other && document.activeElement === document.body)
			other.focus({ preventScroll: true });
	},

	/* What was asked for another address of this view, or earlier, comes too late. */
	again: async function() {
		const turn = this.turn = (this.turn || 0) + 1, data = await this.load();
		if (turn === this.turn && data.id === widgets.shown())
			this.show(data);
	},

	order: async function(rollout, what, given) {
		if (widgets.told(await session.act('rollout_order', Object.assign({ id: rollout.id, what: what }, given))))
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
		const given = () => ({ failures: Number(address.wanted(failures, _('Say how many routers may fail until it stops.'))) });
		const act = (title, what, more) => E('div', { 'class': 'dusk-actions' },
			widgets.button(title, 'cbi-button-action', () => this.order(rollout, what, Object.assign(given(), more && more()))));
		const allowed = widgets.field(_('Routers that may fail'), failures);
		if (!TO_BEGIN.includes(rollout.state))
			return [ allowed, act(_('Go on'), 'resume') ];
		const at = address.input('dusk-at', { type: 'datetime-local' });
		return [
			allowed,
			widgets.field(_('Not before'), at, _('Empty: now. In the time of this browser; the clock of the router that leads decides, and has to be set by NTP.')),
			act(_('Begin'), 'start', () => ({ at_s: at.value ? Math.floor(new Date(at.value) / 1000) : 0 }))
		];
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
			rollout.why ? E('div', { 'class': 'alert-message ' + (rollout.state === 'stopped' ? 'danger' : 'notice') }, E('p', {}, widgets.words(rollout.why))) : null,
			this.actions(rollout),
			rollout.waves.map(devices),
			E('p', {}, E('a', { href: '#' }, _('All rollouts')))
		];
	},

	all: function(listed) {
		const rows = listed.rollouts, marks = this.marks;
		return [
			widgets.table(_('Rollouts'), [ _('Rollout'), _('State'), _('Waves'), _('What'), _('Who'), _('When') ], rows.map(one => [
				E('a', { href: widgets.href('rollouts', one.id) }, one.id), state(one), waves(one), one.message, one.author, widgets.time(one.time, true)
			]), _('Nothing was sent in waves yet. Under Edits you choose how a change is sent.')),
			marks.length > 1 || listed.more ? E('nav', { 'class': 'dusk-actions', 'aria-label': _('Pages of the rollouts') }, [
				marks.length > 1 ? widgets.button(_('Newer'), '', () => this.turnTo(marks.slice(0, -1))) : null,
				listed.more ? widgets.button(_('Older'), '', () => this.turnTo(marks.concat(rows[rows.length - 1].id))) : null
			]) : null
		];
	},

	/* Where nothing changed nothing is shown anew, and what somebody types stays. */
	show: function({ id, said }) {
		const title = id ? widgets.filled(_('Rollout %s'), id) : _('Rollouts');
		if (id !== this.id)
			nodes.fill(this.place, null);
		this.id = id;
		nodes.show(this.title, title, () => title);
		nodes.show(this.place, [ id, this.marks.length, said instanceof Error ? said.message : said ],
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
