// SPDX-License-Identifier: Apache-2.0

package poolscope

import "database/sql/driver"

// connKinds: Exec (none, old, with context), Query (the same) and the checker decide together how
// database/sql converts arguments: each combination, bare and with all the rest. The rest is looked at
// one by one: each alone, and each missing.
//
//nolint:staticcheck // driver.Execer and driver.Queryer are meant
var connKinds = []struct {
	name  string
	build func(*fakeConn, *fakeDriver) driver.Conn
}{
	{"nothing", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
		}{c}
	}},
	{"ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.NamedValueChecker
		}{c, checker{d, "conn"}}
	}},
	{"NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Queryer", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Queryer
		}{c, oldQuery{d}}
	}},
	{"Queryer ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldQuery{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Queryer NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Queryer
			driver.NamedValueChecker
		}{c, oldQuery{d}, checker{d, "conn"}}
	}},
	{"Queryer NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Queryer
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"QueryerContext", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.QueryerContext
		}{c, newQuery{d}}
	}},
	{"QueryerContext ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.QueryerContext
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newQuery{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"QueryerContext NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.QueryerContext
			driver.NamedValueChecker
		}{c, newQuery{d}, checker{d, "conn"}}
	}},
	{"QueryerContext NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Execer", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
		}{c, oldExec{d}}
	}},
	{"Execer ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldExec{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Execer NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.NamedValueChecker
		}{c, oldExec{d}, checker{d, "conn"}}
	}},
	{"Execer NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldExec{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Execer Queryer", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.Queryer
		}{c, oldExec{d}, oldQuery{d}}
	}},
	{"Execer Queryer ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldExec{d}, oldQuery{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Execer Queryer NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.Queryer
			driver.NamedValueChecker
		}{c, oldExec{d}, oldQuery{d}, checker{d, "conn"}}
	}},
	{"Execer Queryer NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.Queryer
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldExec{d}, oldQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Execer QueryerContext", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.QueryerContext
		}{c, oldExec{d}, newQuery{d}}
	}},
	{"Execer QueryerContext ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.QueryerContext
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldExec{d}, newQuery{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"Execer QueryerContext NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.QueryerContext
			driver.NamedValueChecker
		}{c, oldExec{d}, newQuery{d}, checker{d, "conn"}}
	}},
	{"Execer QueryerContext NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Execer
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, oldExec{d}, newQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
		}{c, newExec{d}}
	}},
	{"ExecerContext ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.NamedValueChecker
		}{c, newExec{d}, checker{d, "conn"}}
	}},
	{"ExecerContext NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext Queryer", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.Queryer
		}{c, newExec{d}, oldQuery{d}}
	}},
	{"ExecerContext Queryer ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, oldQuery{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext Queryer NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.Queryer
			driver.NamedValueChecker
		}{c, newExec{d}, oldQuery{d}, checker{d, "conn"}}
	}},
	{"ExecerContext Queryer NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.Queryer
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, oldQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext QueryerContext", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
		}{c, newExec{d}, newQuery{d}}
	}},
	{"ExecerContext QueryerContext ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, newQuery{d}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ConnPrepareContext", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ConnPrepareContext
		}{c, preparer{d}}
	}},
	{"ConnBeginTx", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ConnBeginTx
		}{c, beginner{d}}
	}},
	{"Pinger", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Pinger
		}{c, pinger{d}}
	}},
	{"SessionResetter", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.SessionResetter
		}{c, resetter{d}}
	}},
	{"Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.Validator
		}{c, validator{d}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker ConnBeginTx Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}, beginner{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker ConnPrepareContext Pinger SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}, preparer{d}, pinger{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker ConnPrepareContext ConnBeginTx SessionResetter Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.SessionResetter
			driver.Validator
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, resetter{d}, validator{d}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker ConnPrepareContext ConnBeginTx Pinger Validator", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.Validator
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, validator{d}}
	}},
	{"ExecerContext QueryerContext NamedValueChecker ConnPrepareContext ConnBeginTx Pinger SessionResetter", func(c *fakeConn, d *fakeDriver) driver.Conn {
		return struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.NamedValueChecker
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
		}{c, newExec{d}, newQuery{d}, checker{d, "conn"}, preparer{d}, beginner{d}, pinger{d}, resetter{d}}
	}},
}
