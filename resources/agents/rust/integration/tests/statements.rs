// SPDX-License-Identifier: Apache-2.0
//! What Diesel keeps prepared on a connection: why the agent tells nothing of prepared statements.

mod support;
mod wire {
    pub const MAX_NUMBER: u64 = (1 << 53) - 1; // for the agent's reader of JSON
}

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel::{sql_query, PgConnection};
use support::postgres;

diesel::table! {
    things (id) {
        id -> Integer,
        price -> Integer,
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    open: i64,
}

fn open(connection: &mut PgConnection) -> i64 {
    let count = sql_query("SELECT count(*) AS open FROM pg_prepared_statements");
    count.get_result::<Count>(connection).expect("a count").open
}

#[test]
fn only_shapes_of_queries_are_kept() {
    let Some(server) = postgres() else { return };
    let mut connection = PgConnection::establish(&server.url()).expect("connected");
    sql_query("CREATE TEMPORARY TABLE things (id integer, price integer)")
        .execute(&mut connection)
        .expect("a table");
    let before = open(&mut connection);
    // Whatever an application writes itself, and makes anew each time, is not kept.
    for i in 0..50 {
        sql_query(format!("SELECT {i} + $1"))
            .bind::<Integer, _>(i)
            .execute(&mut connection)
            .unwrap();
    }
    assert_eq!(open(&mut connection), before);
    // One that is built is kept once, whatever its values are; so is a list of them.
    for i in 0..50 {
        things::table.filter(things::id.eq(i)).count().get_result::<i64>(&mut connection).unwrap();
        let ids: Vec<i32> = (0..i).collect();
        things::table
            .filter(things::id.eq_any(ids))
            .count()
            .get_result::<i64>(&mut connection)
            .unwrap();
    }
    assert_eq!(open(&mut connection), before + 2);
    // Rows inserted at once: as many shapes as there are lengths, and none is kept.
    for i in 1..20 {
        let rows: Vec<_> = (0..i).map(|n| (things::id.eq(n), things::price.eq(n))).collect();
        diesel::insert_into(things::table).values(rows).execute(&mut connection).unwrap();
    }
    assert_eq!(open(&mut connection), before + 2);
}
