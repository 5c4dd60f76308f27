"""Files of office programs, as small as they can be."""

from __future__ import annotations

import io
import zipfile

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_WORDS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(text: str) -> bytes:
    """A PDF of one page."""
    content = f"BT /F 9 Tf ({text}) Tj ET".encode()
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] "
        b"/Resources << /Font << /F 5 0 R >> >> /Contents 4 0 R >>"
    )
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, part in enumerate(parts, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    trailer = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 6\n" + table + trailer


def docx(text: str) -> bytes:
    """A document of Word with one paragraph."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
        relation = f'<Relationship Id="r1" Type="{_DOCUMENT}" Target="word/document.xml"/>'
        relations = f'<Relationships xmlns="{_PACKAGE}/relationships">{relation}</Relationships>'
        packed.writestr("_rels/.rels", relations)
        body = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
        document = f"<w:document {_WORDS}><w:body>{body}</w:body></w:document>"
        packed.writestr("word/document.xml", document)
    return file.getvalue()


def xlsx(*rows: list[str]) -> bytes:
    """A workbook with one sheet."""
    # Slow to import, in every process that reads a module of tests.
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
