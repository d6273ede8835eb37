'use strict';
'require baseclass';

/* Nodes of the page. LuCI takes a lone text for markup, and writes null and lists within lists as words; so what
 * views show goes through here, where a text is a text (A33). */

function flat(children) {
	return [ children ].flat(Infinity).filter(child => child !== null && child !== undefined)
		.map(child => child instanceof Node ? child : document.createTextNode(String(child)));
}

/* What a person would take for the same element after a view was shown anew. */
function isSame(one, other) {
	if (one.id || other.id)
		return one.id === other.id;
	return one.getAttribute('href') === other.getAttribute('href') && one.textContent === other.textContent;
}

return baseclass.extend({
	/* An element. An attribute that is a function listens to the event of that name; `children` are nodes, texts, null,
	 * or lists of these. */
	make: function(tag, attributes, children) {
		return E(tag, attributes || {}, flat(children));
	},

	/* Puts children in the place of those that a node has; the keyboard stays where it was. */
	fill: function(node, children) {
		const focused = node.contains(document.activeElement) ? document.activeElement : null;
		node.replaceChildren(...flat(children));
		if (focused) {
			const again = Array.from(node.querySelectorAll(focused.tagName)).find(other => isSame(focused, other));
			if (again)
				again.focus();
		}
		return node;
	}
});
