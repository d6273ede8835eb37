'use strict';
'require baseclass';
'require dusk.nodes as nodes';
'require dusk.widgets as widgets';

/* How a change is to reach the routers that it concerns. */

const E = nodes.make;
const HOW = [
	[ 'all', _('to all at once') ],
	[ 'canary', _('to one router first, then to all') ],
	[ 'waves', _('in waves') ],
	[ 'together', _('to all, which switch in one moment') ]
];

return baseclass.extend({
	/* The controls, and `given()`: what draft_commit is asked for. */
	chooser: function() {
		const how = widgets.select('dusk-rollout', HOW);
		const waves = E('input', { id: 'dusk-waves', 'class': 'cbi-input-text', placeholder: '10%, 50%' });
		const failures = E('input', { id: 'dusk-may-fail', 'class': 'cbi-input-text', type: 'number', min: '0', value: '0' });
		const later = widgets.checkbox('dusk-later', _('Begin when I say so, under Rollouts.'), false);
		const wavesField = widgets.field(_('Waves'), waves, _('Shares of the routers, or groups, one after the other; the rest comes last.'));
		const failuresField = widgets.field(_('Routers that may fail'), failures, _('If more do, it stops, and a person decides.'));
		const show = () => {
			wavesField.hidden = how.value !== 'waves';
			failuresField.hidden = how.value === 'all';
		};
		how.addEventListener('change', show);
		show();
		return {
			node: E('div', {}, [ widgets.field(_('Send it'), how), wavesField, failuresField, E('p', {}, later) ]),
			given: () => ({
				rollout: how.value,
				waves: how.value === 'waves' ? waves.value.split(',').map(wave => wave.trim()).filter(Boolean) : [],
				failures: how.value === 'all' ? 0 : Number(failures.value),
				hold: later.querySelector('input').checked
			})
		};
	}
});
