'use strict';
'require baseclass';
'require ui';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* What was changed, by whom and why: page by page, and taken back. */

const E = nodes.make;
const COUNT = 20, COUNT_OF_ONE = 10;
/* So many answers are looked through for one page of what concerns a router: each is of a thousand versions at most. */
const ANSWERS_MAX = 5;
const LATER = 'later-edits';

/* What somebody wrote since is not undone, unless it is to be left as it is. */
async function putBack(given, again) {
	const said = await session.act('log_revert', given).catch(async error => {
		if (error.code !== LATER)
			throw error;
		const isWanted = await widgets.sure(_('Put back the rest alone?'), error.message, _('Put back the rest'));
		return isWanted ? session.act('log_revert', Object.assign({ keep_later: true }, given)) : null;
	});
	if (!widgets.told(said))
		return;
	(said.kept || []).forEach(one => widgets.tell(widgets.filled(_('%s %s stays: %s'), one.where, one.item, one.by), 'warning'));
	await again();
}

/* Of `target`, where there is one, what a version wrote can be put back alone. */
async function look(seq, again, target) {
	const entry = await api.call('log_show', { seq: seq }), places = [ ...new Set(entry.operations.map(one => one.where)) ];
	const back = (title, given) => widgets.button(title, 'cbi-button-negative', async () => {
		ui.hideModal();
		await putBack(Object.assign({ seq: seq }, given), again);
	});
	widgets.dialog(widgets.filled(_('Version %d'), seq), [
		E('p', {}, entry.message || entry.kind),
		widgets.facts([
			[ _('Who'), entry.author || '-' ], [ _('On'), entry.device ], [ _('When'), widgets.time(entry.time, entry.time_trusted) ],
			[ _('Outcome'), entry.void ? widgets.filled(_('does not count, says version %d'), entry.void) : entry.outcome ]
		]),
		entry.diff ? widgets.diff(entry.diff) : E('p', { 'class': 'hint' }, _('It changed no setting.'))
	], entry.diff ? [
		places.length > 1 && places.includes(target) ? back(widgets.filled(_('Put back only %s'), target), { target: target }) : null,
		back(_('Put back what it changed'), {})
	] : null);
}

/* A page of the versions that concern a router, and where the next one begins. */
async function concerning(name, before) {
	const entries = [];
	let said = { next: before };
	for (let answers = 0; answers === 0 || said.next && entries.length < COUNT_OF_ONE && answers < ANSWERS_MAX; answers++) {
		said = await api.call('device_history', { name: name, count: COUNT_OF_ONE - entries.length, before: said.next });
		entries.push(...said.entries);
	}
	return { before: before, entries: entries, next: said.next, compacted: said.compacted };
}

function row(entry, again) {
	return [
		widgets.button(String(entry.seq), '', () => look(entry.seq, again)),
		widgets.time(entry.time, entry.time_trusted),
		entry.author || '-',
		entry.message || entry.kind,
		entry.outcome || '-'
	];
}

/* The same of what concerns a router, for a table that is shown again and again. */
function lasting(entry, again, target) {
	const says = [ entry.seq, widgets.time(entry.time, entry.time_trusted), entry.author || '-', entry.message || entry.kind, entry.concerns, entry.outcome || '-' ];
	return { key: String(entry.seq), says: says, cells: () => [
		widgets.button(String(entry.seq), '', () => look(entry.seq, again, target)), says[1], says[2], says[3], widgets.several(entry.concerns), says[5]
	] };
}

/* Who is at a version that was compacted is told why there is nothing. */
function compacted(listed) {
	return E('p', { 'class': 'hint' }, widgets.filled(_('Up to version %d what was set is kept, but not who said so and when.'), listed.compacted));
}

function table(listed, first, again) {
	const gone = first <= listed.compacted ? compacted(listed) : null;
	return [ widgets.table(_('History'), [ _('Version'), _('When'), _('Who'), _('What'), _('Outcome') ],
		listed.entries.map(entry => row(entry, again)), _('Nothing of this is kept.')), gone ];
}

return baseclass.extend({
	/* The newest page. */
	load: function() {
		return api.call('log_list', { count: COUNT }).catch(error => error);
	},

	/* That page, from which one turns to others. `again` shows the view anew. */
	shown: function(listed, again) {
		if (listed instanceof Error)
			return widgets.trouble(listed);
		const place = E('div', {}), where = E('span', { role: 'status' });
		let last = 0, first = 0, head = 0;
		const turn = async before => {
			show(await api.call('log_list', { count: COUNT, before: before }), before);
			if (document.activeElement === document.body || document.activeElement.hidden)
				(older.hidden ? newer : older).focus({ preventScroll: true });
		};
		const newer = widgets.button(_('Newer'), '', () => turn(last + COUNT > head ? 0 : last + COUNT + 1));
		const older = widgets.button(_('Older'), '', () => turn(first));
		const show = (page, before) => {
			head = page.head;
			last = before ? Math.min(head, before - 1) : head;
			first = Math.max(1, last - COUNT + 1);
			nodes.fill(place, table(page, first, again));
			newer.hidden = last === head;
			older.hidden = first === 1;
			where.textContent = widgets.filled(_('Versions %d to %d of %d'), first, last, head);
		};
		show(listed, 0);
		return [ place, E('nav', { 'class': 'dusk-actions', 'aria-label': _('Pages of the history') }, [ newer, older, where ]) ];
	},

	/* What concerns the router of the name that `nameOf()` gives, page by page. `load(name)` gives a promise of the page that one turned to, `show(page)` shows
	 * it and touches nothing that is as it was. `again` shows the view anew. */
	of: function(nameOf, again) {
		const marks = [ 0 ], mark = () => marks[marks.length - 1];
		const table = widgets.lasting(_('History'), [ _('Version'), _('When'), _('Who'), _('What'), _('Where'), _('Outcome') ],
			_('None of these versions concerns it.'));
		const above = E('div', {}), below = E('div', {});
		const turn = async (before, work) => {
			const page = await concerning(nameOf(), before);
			work();
			show(page);
			if (document.activeElement === document.body || document.activeElement.hidden)
				(older.hidden ? newer : older).focus({ preventScroll: true });
		};
		let next = 0;
		const newer = widgets.button(_('Newer'), '', () => turn(marks[marks.length - 2], () => marks.pop()));
		const older = widgets.button(_('Older'), '', () => turn(next, () => marks.push(next)));
		const show = page => {
			const wrong = page instanceof Error ? page.message : null;
			nodes.show(above, wrong, () => wrong && widgets.trouble(page));
			// what was asked for before somebody turned the page comes too late
			if (wrong || page.before !== mark())
				return;
			next = page.next;
			table.show(page.entries.map(entry => lasting(entry, again, 'device/' + nameOf())));
			const isGone = !next && page.compacted;
			nodes.show(below, isGone, () => isGone ? compacted(page) : null);
			newer.hidden = marks.length === 1;
			older.hidden = !next;
		};
		newer.hidden = older.hidden = true;
		return {
			node: [ above, table.node, below, E('nav', { 'class': 'dusk-actions', 'aria-label': _('Pages of the history') }, [ newer, older ]) ],
			load: name => concerning(name, mark()).catch(error => error),
			show: show
		};
	}
});
