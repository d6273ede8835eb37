'use strict';
'require baseclass';

/* Nodes of the page. LuCI takes a lone text for markup, and writes null and lists within lists as words; so what
 * views show goes through here, where a text is a text (A33). */

function flat(children) {
	return [ children ].flat(Infinity).filter(child => child !== null && child !== undefined)
		.map(child => child instanceof Node ? child : document.createTextNode(String(child)));
}

return baseclass.extend({
	/* An element. An attribute that is a function listens to the event of that name; `children` are nodes, texts, null,
	 * or lists of these. */
	make: function(tag, attributes, children) {
		return E(tag, attributes || {}, flat(children));
	},

	/* Puts children in the place of those that a node has. */
	fill: function(node, children) {
		node.replaceChildren(...flat(children));
		return node;
	}
});
