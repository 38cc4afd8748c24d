package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// View is the collection as one asker may see it. Its zero value sees nothing.
type View struct {
	store *Store
	asker knowledge.Asker
}

var _ knowledge.View = View{}

// View returns what the asker may see.
func (s *Store) View(asker knowledge.Asker) knowledge.View { return View{s, asker} }

// Legs ranks the passages the asker may see.
func (v View) Legs(ctx context.Context, q knowledge.Query) (legs knowledge.Legs, err error) {
	if v.store == nil { // access: the zero View ranks
		return legs, nil
	}
	err = v.store.read(ctx, "search", func(tx *sql.Tx) (err error) {
		if len(q.Stems)+len(q.Words) > 0 || len(q.Vector) == 0 {
			if legs, err = (&wordIndex{q: tx}).Legs(ctx, v.asker, q); err != nil {
				return err
			}
		}
		if len(q.Vector) > 0 {
			return v.store.meaning(ctx, tx, v.asker, q, &legs)
		}
		return nil
	})
	return legs, err
}

// may reports whether the asker is among the readers stored as value.
func (v View) may(value string) (bool, error) {
	var r knowledge.Readers
	if err := json.Unmarshal([]byte(value), &r); err != nil {
		return false, err
	}
	return v.asker.MayRead(r), nil // access: the record
}

// Passages returns the passages asked for, in that order, without those that
// are not there or not for this asker.
func (v View) Passages(ctx context.Context, ids []knowledge.PassageID) ([]knowledge.Passage, error) {
	if v.store == nil { // access: the zero View reads passages
		return nil, nil
	}
	var all []knowledge.Passage
	err := v.store.read(ctx, "read passages", func(tx *sql.Tx) (err error) {
		numbers := make([]int64, len(ids))
		for i, id := range ids {
			numbers[i] = int64(id)
		}
		all, err = readPassages(ctx, tx, numbers, v.may)
		return err
	})
	return all, err
}

// readPassages reads passages in the order asked for, without those that are not
// there and those whose readers, as stored, may refuses.
func readPassages(ctx context.Context, tx *sql.Tx, ids []int64, may func(readers string) (bool, error)) ([]knowledge.Passage, error) {
	stmt, err := tx.PrepareContext(ctx, `SELECT d.id, d.version, d.title, d.modified, d.dated, p.heading, p.place, p."start", p."end",
		CAST(substr(d.text, p."start" + 1, p."end" - p."start") AS TEXT), r.value
		FROM passage p JOIN document d ON d.n = p.document JOIN readers r ON r.id = d.readers WHERE p.id = ?`)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	var all []knowledge.Passage
	for _, id := range ids {
		p := knowledge.Passage{ID: knowledge.PassageID(id)}
		var version []byte
		var heading, readers string
		var modified, dated int64
		err := stmt.QueryRowContext(ctx, id).Scan(&p.Document, &version, &p.Title, &modified, &dated, &heading, &p.Place, &p.Start, &p.End, &p.Text, &readers)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if may, err := may(readers); err != nil {
			return nil, err
		} else if !may { // access: passages
			continue
		}
		if err := json.Unmarshal([]byte(heading), &p.Heading); err != nil {
			return nil, err
		}
		copy(p.Version[:], version)
		p.Modified, p.Dated = unstamp(modified), unstamp(dated)
		all = append(all, p)
	}
	return all, nil
}

// missing is the one answer for what is not there and what is not for this asker.
func missing(id knowledge.DocumentID) error {
	return fault.New(fault.Missing, "open "+string(id)+": no such document, or not for you", "groundwork search finds what you may read")
}

// Document returns a document with its text.
func (v View) Document(ctx context.Context, id knowledge.DocumentID) (knowledge.Document, error) {
	if v.store == nil { // access: the zero View reads documents
		return knowledge.Document{}, missing(id)
	}
	var d *knowledge.Document
	err := v.store.read(ctx, "open "+string(id), func(tx *sql.Tx) (err error) {
		d, err = v.document(ctx, tx, id)
		return err
	})
	if err != nil {
		return knowledge.Document{}, err
	}
	if d == nil {
		return knowledge.Document{}, missing(id)
	}
	return *d, nil
}

// document reads a document; nil when it is not there or not for the asker.
func (v View) document(ctx context.Context, tx *sql.Tx, id knowledge.DocumentID) (*knowledge.Document, error) {
	d := &knowledge.Document{ID: id}
	var origin, version, blocks, text []byte
	var asked, places, readers string
	var modified, dated, n int64
	err := tx.QueryRowContext(ctx, `SELECT d.n, d.origin, d.version, d.recipe, d.title, d.lang, d.modified, d.dated, d.asked, d.blocks, d.places, d.text, r.value
		FROM document d JOIN readers r ON r.id = d.readers WHERE d.id = ?`, string(id)).
		Scan(&n, &origin, &version, &d.Recipe, &d.Title, &d.Lang, &modified, &dated, &asked, &blocks, &places, &text, &readers)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	may, err := v.may(readers)
	if err != nil || !may { // access: document
		return nil, err
	}
	if err := errors.Join(json.Unmarshal([]byte(asked), &d.Asked), json.Unmarshal([]byte(places), &d.Places), json.Unmarshal([]byte(readers), &d.Readers)); err != nil {
		return nil, err
	}
	if d.Replaces, err = v.named(ctx, tx, n, "older"); err != nil {
		return nil, err
	}
	if d.Replaced, err = v.named(ctx, tx, n, "newer"); err != nil {
		return nil, err
	}
	copy(d.Origin[:], origin)
	copy(d.Version[:], version)
	d.Blocks, d.Text = unpackBlocks(blocks), string(text)
	d.Modified, d.Dated = unstamp(modified), unstamp(dated)
	return d, nil
}

// named returns the documents that document n says it replaces ("older") or is
// replaced by ("newer"), without those the asker may not know of.
func (v View) named(ctx context.Context, tx *sql.Tx, n int64, column string) ([]knowledge.DocumentID, error) {
	rows, err := tx.QueryContext(ctx, `SELECT d.id, r.value FROM replacing p JOIN document d ON d.id = p.`+column+` JOIN readers r ON r.id = d.readers
		WHERE p.document = ? ORDER BY p.rowid`, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var seen []knowledge.DocumentID
	for rows.Next() {
		var id, readers string
		if err := rows.Scan(&id, &readers); err != nil {
			return nil, err
		}
		if may, err := v.may(readers); err != nil {
			return nil, err
		} else if may { // access: named documents
			seen = append(seen, knowledge.DocumentID(id))
		}
	}
	return seen, rows.Err()
}

// Open returns a cited span in its surroundings; what is gone or denied has
// state Gone and no text.
func (v View) Open(ctx context.Context, c knowledge.Citation) (knowledge.Excerpt, error) {
	e := knowledge.Excerpt{Citation: knowledge.Citation{Pointer: c.Pointer}, State: knowledge.Gone}
	if v.store == nil { // access: the zero View opens
		return e, nil
	}
	err := v.store.read(ctx, "open "+string(c.Document), func(tx *sql.Tx) error {
		d, err := v.document(ctx, tx, c.Document) // access: open
		if d == nil {
			return err
		}
		e.Document, e.Citation = *d, c
		e.State, e.Start, e.End = c.Find(*d)
		e.Place = knowledge.PlaceAt(d.Places, e.Start)
		var heading string
		err = tx.QueryRowContext(ctx, `SELECT heading FROM passage WHERE document = (SELECT n FROM document WHERE id = ?) AND "start" <= ? ORDER BY "start" DESC LIMIT 1`,
			string(c.Document), e.Start).Scan(&heading)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(heading), &e.Heading)
	})
	return e, err
}

// Documents lists what the asker may see, ordered by ID.
func (v View) Documents(ctx context.Context, f knowledge.Filter) ([]knowledge.Summary, error) {
	if v.store == nil { // access: the zero View lists
		return nil, nil
	}
	var all []knowledge.Summary
	err := v.store.read(ctx, "list documents", func(tx *sql.Tx) error {
		if f.Replaces != "" { // access: who replaces
			// Who replaces a document that the asker may not know of is not told.
			if d, err := v.document(ctx, tx, f.Replaces); d == nil {
				return err
			}
		}
		rows, err := tx.QueryContext(ctx, `SELECT d.n, d.id, d.version, d.title, d.modified, d.dated, d.asked, r.value,
			(SELECT count(*) FROM passage WHERE document = d.n)
			FROM document d JOIN readers r ON r.id = d.readers
			WHERE ?1 = '' OR d.n IN (SELECT document FROM replacing WHERE older <> '' AND older = ?1) ORDER BY d.id`, string(f.Replaces))
		if err != nil {
			return err
		}
		defer rows.Close()
		var numbers []int64
		for rows.Next() {
			var s knowledge.Summary
			var version []byte
			var asked, readers string
			var modified, dated, n int64
			if err := rows.Scan(&n, &s.ID, &version, &s.Title, &modified, &dated, &asked, &readers, &s.Passages); err != nil {
				return err
			}
			if !matches(f, s.ID.Source(), s.ID.Path()) {
				continue
			}
			if err := errors.Join(json.Unmarshal([]byte(readers), &s.Readers), json.Unmarshal([]byte(asked), &s.Asked)); err != nil {
				return err
			}
			if !v.asker.MayRead(s.Readers) { // access: documents
				continue
			}
			copy(s.Version[:], version)
			s.Modified, s.Dated = unstamp(modified), unstamp(dated)
			all, numbers = append(all, s), append(numbers, n)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		replacing, err := column[int64](ctx, tx, `SELECT DISTINCT document FROM replacing WHERE older <> ''`)
		if err != nil {
			return err
		}
		for i, n := range numbers {
			if slices.Contains(replacing, n) {
				if all[i].Replaces, err = v.named(ctx, tx, n, "older"); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return all, err
}
