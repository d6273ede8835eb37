'use strict';
'require baseclass';
'require dusk.api as api';

/* Lists that come a page at a time, as one: a thousand routers are more than one answer holds. */

async function every(method, field, mark) {
	const rows = [];
	for (let page = { more: true }; page.more; ) {
		page = await api.call(method, { after: rows.length ? rows[rows.length - 1][mark] : '' });
		rows.push(...page[field]);
	}
	return rows;
}

return baseclass.extend({
	/* The routers of the cluster. */
	devices: () => every('device_list', 'devices', 'name'),

	/* Who waits to be let in. */
	pending: () => every('device_pending', 'pending', 'id'),

	/* Who is expected. */
	expected: () => every('device_expected', 'expected', 'label')
});
