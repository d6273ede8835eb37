'use strict';
'require baseclass';
'require ui';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* What was changed, by whom and why: page by page, and taken back. */

const E = nodes.make;
const COUNT = 20;
const LATER = 'later-edits';

/* What somebody wrote since is not undone, unless it is to be left as it is. */
async function putBack(seq, again) {
	const said = await session.act('log_revert', { seq: seq }).catch(async error => {
		if (error.code !== LATER)
			throw error;
		const isWanted = await widgets.sure(_('Put back the rest alone?'), error.message, _('Put back the rest'));
		return isWanted ? session.act('log_revert', { seq: seq, keep_later: true }) : null;
	});
	if (!widgets.told(said))
		return;
	(said.kept || []).forEach(one => widgets.tell(widgets.filled(_('%s %s stays: %s'), one.where, one.item, one.by), 'warning'));
	await again();
}

async function look(seq, again) {
	const entry = await api.call('log_show', { seq: seq });
	widgets.dialog(widgets.filled(_('Version %d'), seq), [
		E('p', {}, entry.message || entry.kind),
		widgets.facts([
			[ _('Who'), entry.author || '-' ], [ _('On'), entry.device ], [ _('When'), widgets.time(entry.time, entry.time_trusted) ],
			[ _('Outcome'), entry.void ? widgets.filled(_('does not count, says version %d'), entry.void) : entry.outcome ]
		]),
		entry.diff ? widgets.diff(entry.diff) : E('p', { 'class': 'hint' }, _('It changed no setting.'))
	], entry.diff ? widgets.button(_('Put back what it changed'), 'cbi-button-negative', async () => {
		ui.hideModal();
		await putBack(seq, again);
	}) : null);
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

/* Who is at a version that was compacted is told why there is nothing. */
function table(listed, first, again) {
	const gone = first <= listed.compacted
		? E('p', { 'class': 'hint' }, widgets.filled(_('Up to version %d what was set is kept, but not who said so and when.'), listed.compacted)) : null;
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
	}
});
