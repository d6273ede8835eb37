'use strict';
'require baseclass';
'require dusk.widgets as widgets';

/* Routers that will come, read from a table: label, name, groups (blanks between), and variables. The same as
 * `dusk device expect` reads: a line whose first cell is `label` names the columns, one that begins with # is none. */

const COLUMNS = [ 'label', 'name', 'groups' ];

/* Rows as lists of cells, each with the number of its line. What stands in quotes may have commas and line ends. */
function cells(text) {
	const found = [];
	let row = [], cell = '', isQuoted = false, line = 1, began = 1;
	const endCell = () => { row.push(cell.trim()); cell = ''; };
	const endRow = () => { endCell(); found.push({ line: began, cells: row }); row = []; };
	for (let at = 0; at < text.length; at++) {
		const one = text[at];
		line += one === '\n' ? 1 : 0;
		if (isQuoted && one === '"' && text[at + 1] === '"')
			cell += text[at++];
		else if (one === '"' && (isQuoted || cell.trim() === ''))
			isQuoted = !isQuoted;
		else if (!isQuoted && one === ',')
			endCell();
		else if (!isQuoted && one === '\n') {
			endRow();
			began = line;
		}
		else if (one !== '\r')
			cell += one;
	}
	endRow();
	return found;
}

function variable(column, cell, line) {
	if (column && column !== 'var' && column !== 'var=')
		return [ column.replace(/^var[=:]/, ''), cell ];
	const at = cell.indexOf('=');
	if (at < 0)
		throw new Error(widgets.filled(_('Line %d: “%s” is no variable; write NAME=VALUE.'), line, cell));
	return [ cell.slice(0, at).trim(), cell.slice(at + 1).trim() ];
}

function expected(row, header) {
	const found = { label: '', name: '', groups: [], variables: {} };
	row.cells.forEach((cell, place) => {
		const column = header[place] || '';
		if (column === 'label' || column === 'name')
			found[column] = cell;
		else if (column === 'groups')
			found.groups = cell.replace(/;/g, ' ').split(/\s+/).filter(one => one);
		else if (cell) {
			const [ name, value ] = variable(column, cell, row.line);
			found.variables[name] = value;
		}
	});
	if (!found.label)
		throw new Error(widgets.filled(_('Line %d has no label; a line is label,name,groups and NAME=VALUE of variables.'), row.line));
	return found;
}

return baseclass.extend({
	/* Gives the routers that a text names; throws an error that names the line. */
	expected: function(text) {
		const found = [];
		let header = COLUMNS;
		for (const row of cells(text.replace(/^\ufeff/, ''))) {
			if (!row.cells.some(cell => cell) || row.cells[0].startsWith('#'))
				continue;
			if (row.cells[0].toLowerCase() === 'label')
				header = row.cells.map(cell => cell.toLowerCase());
			else
				found.push(expected(row, header));
		}
		if (!found.length)
			throw new Error(_('There is no line of label,name,groups.'));
		const twice = found.find((one, at) => found.findIndex(other => other.label === one.label) < at);
		if (twice)
			throw new Error(widgets.filled(_('The label %s stands there twice.'), twice.label));
		return found;
	}
});
