import { describe, expect, it } from 'vitest';
import { MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, readXml } from '../../../src/content/xml-reader.ts';
import { codeOf } from '../../support/error-code.ts';

/** What a document says, on one line: elements with namespace and attributes, and their text. */
function told(text: string): string {
  let line = '';
  readXml(Buffer.from(text), {
    open({ namespace, name, attributes }) {
      line += `<${namespace === '' ? '' : `{${namespace}}`}${name}`;
      for (const [key, value] of attributes) line += ` ${key}=${JSON.stringify(value)}`;
      line += '>';
    },
    text(part) {
      line += part;
    },
    close() {
      line += '/';
    },
  });
  return line;
}

describe('the XML reader', () => {
  it.each([
    ['<a/>', '<a>/'],
    ['\ufeff<?xml version="1.0" encoding="utf-8" standalone=\'yes\'?>\r\n<a>x\r\ny</a>\n', '<a>x\ny/'],
    ['<a b="1" c=\'"\n&#10;\'><d></d></a >', '<a b="1" c="\\"  ">' + '<d>//'],
    ['<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</a>', '<a><&>"\'A😀/'],
    ['<a>x<!-- <b> -->y<?pi <c>?>z<![CDATA[<d>&amp;]]></a><!-- end -->', '<a>xyz<d>&amp;/'],
    ['<a xmlns="u"><b xmlns=""/><p:c xmlns:p="v" p:x="1" y="2"/></a>', '<{u}a><b>/<{v}c y="2">//'],
    ['<ä.ö-1/>', '<ä.ö-1>/'],
  ])('reads %j', (text, expected) => {
    expect(told(text)).toBe(expected);
  });

  it.each([
    ['nothing', ''],
    ['text alone', 'text'],
    ['two roots', '<a/><b/>'],
    ['text behind the root', '<a/>x'],
    ['an open element', '<a><b></b>'],
    ['crossed tags', '<a><b></a></b>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'],
    ['a document type with an external subset', '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>'],
    ['an unknown entity', '<a>&e;</a>'],
    ['an entity named as a property of objects', '<a>&toString;&__proto__;</a>'],
    ['a lone ampersand', '<a>&</a>'],
    ['a reference to NUL', '<a>&#0;</a>'],
    ['a reference to half a character', '<a>&#xD800;</a>'],
    ['a reference beyond Unicode', '<a>&#x110000;</a>'],
    ['a control character', '<a>\u0001</a>'],
    ['< in an attribute', '<a b="<"/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['attributes without a blank between', '<a b="1"c="2"/>'],
    ['an undeclared prefix', '<p:a/>'],
    ['a tag that does not end', '<a'],
    ['a comment that does not end', '<a><!--</a>'],
    ['-- in a comment', '<a><!-- -- --></a>'],
    [']]> in text', '<a>]]></a>'],
    ['CDATA outside of the root', '<![CDATA[x]]><a/>'],
    ['a second declaration', '<a><?xml version="1.0"?></a>'],
    ['another encoding', '<?xml version="1.0" encoding="iso-8859-1"?><a/>'],
    ['too many levels', '<a>'.repeat(MAX_XML_DEPTH + 1) + '</a>'.repeat(MAX_XML_DEPTH + 1)],
    ['too many attributes', `<a ${Array.from({ length: MAX_XML_ATTRIBUTES + 1 }, (_, i) => `a${i}=""`).join(' ')}/>`],
    [
      'too many namespaces',
      `<a ${Array.from({ length: 20 }, (_, i) => `xmlns:a${i}="u"`).join(' ')}><b ${Array.from({ length: 20 }, (_, i) => `xmlns:b${i}="u"`).join(' ')}/></a>`,
    ],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => told(text))).toBe('E_INVALID_ARGUMENT');
  });

  it('refuses what is not written in UTF-8', () => {
    expect(codeOf(() => readXml(Uint8Array.of(0x3c, 0x61, 0xff, 0x2f, 0x3e), {} as never))).toBe('E_INVALID_ARGUMENT');
  });
});
