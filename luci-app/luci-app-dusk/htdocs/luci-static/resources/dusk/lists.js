'use strict';
'require baseclass';
'require dusk.api as api';

/* Lists that come a page at a time, as one: a thousand routers are more than one answer holds. */

async function every(method, field, ...marks) {
	const rows = [];
	for (let page = { more: true }; page.more; ) {
		page = await api.call(method, { after: rows.length ? marks.map(mark => rows[rows.length - 1][mark]).join(' ') : '' });
		rows.push(...page[field]);
	}
	return rows;
}

/* The last router of a page of a rollout: they come by name, and stand in their waves. */
function last(rollout) {
	return rollout.waves.flatMap(wave => wave.devices.map(device => device.name)).reduce((one, other) => one > other ? one : other);
}

return baseclass.extend({
	/* The routers of the cluster. */
	devices: () => every('device_list', 'devices', 'name'),

	/* Who waits to be let in. */
	pending: () => every('device_pending', 'pending', 'id'),

	/* Who is expected. */
	expected: () => every('device_expected', 'expected', 'label'),

	/* What is set for many. */
	policies: () => every('policy_list', 'policies', 'name'),

	/* Who belongs together. */
	groups: () => every('group_list', 'groups', 'name'),

	/* What differs, by what it is of. */
	variables: () => every('var_list', 'variables', 'scope', 'name'),

	/* One rollout, with all its routers. */
	rollout: async id => {
		const rollout = await api.call('rollout_show', { id: id, after: '' });
		for (let page = rollout; page.more; ) {
			page = await api.call('rollout_show', { id: id, after: last(page) });
			page.waves.forEach((wave, at) => rollout.waves[at].devices.push(...wave.devices));
		}
		return rollout;
	}
});
