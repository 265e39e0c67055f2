// SPDX-License-Identifier: Apache-2.0
#include "serving/session/session.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "serving/test_support.h"

namespace braid::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

class SessionFixture : public testing::Test {
  protected:
    Lines sql(std::string_view text, const Lines& parameters = {}) {
        return run(*session_, text, parameters);
    }
    Lines warnings() {
        Lines lines;
        for (const sql::Notice& notice : session_->take_notices()) {
            lines.push_back(notice.sqlstate + " " + notice.message);
        }
        return lines;
    }
    FakeNode node_;
    std::unique_ptr<Session> session_ = node_.session();
};

TEST_F(SessionFixture, GivesRowsAndTags) {
    EXPECT_THAT(sql("SELECT 1, 'x'"), ElementsAre("1|x", "SELECT 1"));
    EXPECT_THAT(sql("VALUES (1), (2), (NULL)"), ElementsAre("1", "2", "~", "SELECT 3"));
    EXPECT_THAT(sql("SELECT * FROM v"), ElementsAre("one|1", "two|2", "\"3\"|3", "SELECT 3"));
    EXPECT_THAT(sql("CREATE TABLE n (a int)"), ElementsAre("CREATE TABLE"));
    EXPECT_THAT(sql("DROP TABLE n"), ElementsAre("DROP TABLE"));
    EXPECT_THAT(sql("CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t"),
                ElementsAre("CREATE MATERIALIZED VIEW"));
    EXPECT_THAT(sql("REFRESH MATERIALIZED VIEW m"), ElementsAre("REFRESH MATERIALIZED VIEW"));
    EXPECT_THAT(node_.control.refreshed(), ElementsAre("m"));
    EXPECT_THAT(sql("DROP MATERIALIZED VIEW m"), ElementsAre("DROP MATERIALIZED VIEW"));
}

TEST_F(SessionFixture, DeletesByAMessageOfTheirOwn) {
    EXPECT_THAT(sql("DELETE FROM t WHERE true"), ElementsAre("DELETE 7"));
    EXPECT_THAT(sql("PREPARE d (bool) AS DELETE FROM t WHERE $1"), ElementsAre("PREPARE"));
    EXPECT_THAT(sql("EXECUTE d (true)"), ElementsAre("DELETE 7"));
    const auto erased = node_.control.erased();
    ASSERT_EQ(erased.size(), 2U);
    EXPECT_EQ(erased[0], erased[1]) << "a parameter is its value";
    sql("BEGIN");
    EXPECT_THAT(sql("DELETE FROM t WHERE true")[0], HasSubstr("25001"));
    sql("ROLLBACK");
    sql("SET default_transaction_read_only = on");
    EXPECT_THAT(sql("DELETE FROM t WHERE true")[0], HasSubstr("25006"));
    EXPECT_EQ(node_.control.erased().size(), 2U);
}

TEST_F(SessionFixture, CallsSayWhichAnswerIsRight) {
    EXPECT_THAT(sql("CALL braid.accept_audit(1)"), ElementsAre("CALL"));
    EXPECT_THAT(warnings(), ElementsAre());
    EXPECT_THAT(sql("CALL braid.reject_audit($1)", {"2"}), ElementsAre("CALL"));
    EXPECT_THAT(warnings(), ElementsAre(testing::HasSubstr("1 more audits")));
    EXPECT_THAT(sql("CALL accept_audit('1')"), ElementsAre("CALL"));
    EXPECT_THAT(node_.control.judged(), ElementsAre("accept 1", "reject 2", "accept 1"));
    const auto refused = [&](std::string_view text) { return sql(text).back().substr(0, 5); };
    EXPECT_EQ(refused("CALL braid.accept_audit(99)"), "42704");
    EXPECT_EQ(refused("CALL braid.accept_audit(NULL)"), "22004");
    EXPECT_EQ(refused("CALL braid.accept_audit('x')"), "22P02");
    EXPECT_EQ(refused("CALL braid.accept_audit()"), "42883");
    EXPECT_EQ(refused("CALL pg_catalog.accept_audit(1)"), "42883");
    EXPECT_EQ(refused("CALL braid.other(1)"), "42883");
    sql("BEGIN");
    EXPECT_EQ(refused("CALL braid.accept_audit(1)"), "25001");
}

TEST_F(SessionFixture, StoresInsertsAsRecords) {
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, 'a \"b\"'), (2, NULL), (NULL, NULL)"),
                ElementsAre("INSERT 0 3"));
    EXPECT_THAT(node_.control.log("t").all(),
                ElementsAre(R"({"a":1,"b":"a \"b\""})", R"({"a":2})", "{}"));
    EXPECT_EQ(node_.control.log("t").append_count(), 1u);
    sql("INSERT INTO s VALUES (1.50, '2026-01-02 03:04:05+00', '2.5', true)");
    sql("INSERT INTO s (z, x) VALUES ('NaN', 'NaN')");
    EXPECT_THAT(node_.control.log("s").all(),
                ElementsAre(R"({"x":1.50,"y":"2026-01-02 03:04:05+00","z":2.5,"w":true})",
                            R"({"z":"NaN","x":"NaN"})"));
}

TEST_F(SessionFixture, InsertsWhatAQueryGives) {
    EXPECT_THAT(sql("INSERT INTO t (b) SELECT b FROM v"), ElementsAre("INSERT 0 3"));
    EXPECT_THAT(node_.control.log("t").all(),
                ElementsAre(R"({"b":"one"})", R"({"b":"two"})", R"({"b":"\"3\""})"));
}

TEST_F(SessionFixture, InsertsParameters) {
    EXPECT_THAT(sql("INSERT INTO t VALUES ($1, $2)", {"7", "x"}), ElementsAre("INSERT 0 1"));
    EXPECT_THAT(node_.control.log("t").all(), ElementsAre(R"({"a":7,"b":"x"})"));
}

TEST_F(SessionFixture, RefusesInsertsIntoFiles) {
    EXPECT_THAT(sql("INSERT INTO f VALUES ('x')")[0], HasSubstr("0A000"));
}

TEST_F(SessionFixture, WarnsOfSourcesThatWillGiveNothing) {
    sql("CREATE TABLE g (ip text) WITH (connector = 'file', path = '/no/*', format = 'combined')");
    EXPECT_THAT(warnings(), ElementsAre("01000 path \"/no/*\" matches no file"));
    sql("CREATE TABLE h (ip text)");
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(SessionFixture, StatementsOfOneMessageAreStoredTogetherOrNotAtAll) {
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (2, 'b')"),
                ElementsAre("INSERT 0 1", "INSERT 0 1"));
    EXPECT_EQ(node_.control.log("t").append_count(), 1u);
    EXPECT_THAT(sql("INSERT INTO t VALUES (3, 'c'); SELECT * FROM nothing")[0], HasSubstr("42P01"));
    EXPECT_EQ(node_.control.log("t").all().size(), 2u);
    // Nor does it matter what was read or declared between them.
    EXPECT_THAT(sql("INSERT INTO t VALUES (4, 'd'); SELECT * FROM t; CREATE TABLE made (a int); "
                    "SET my.own = 'x'; SELECT * FROM nothing")[0],
                HasSubstr("42P01"));
    EXPECT_EQ(node_.control.log("t").all().size(), 2u);
    EXPECT_EQ(node_.control.state()->catalog.find_table("made"), nullptr);
    EXPECT_THAT(sql("SHOW my.own")[0], HasSubstr("42704"));
}

TEST_F(SessionFixture, ABlockHoldsWhatItsMessageDidBefore) {
    sql("INSERT INTO t VALUES (1, 'a'); BEGIN; INSERT INTO t VALUES (2, 'b'); ROLLBACK");
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    sql("INSERT INTO t VALUES (1, 'a'); COMMIT; INSERT INTO t VALUES (2, 'b'); SELECT * FROM no");
    EXPECT_EQ(node_.control.log("t").all().size(), 1u);
    sql("INSERT INTO t VALUES (1, 'a'); ROLLBACK; INSERT INTO t VALUES (2, 'b')");
    EXPECT_EQ(node_.control.log("t").all().size(), 2u);
}

TEST_F(SessionFixture, BlocksStoreAtCommit) {
    EXPECT_THAT(sql("BEGIN"), ElementsAre("BEGIN"));
    EXPECT_EQ(session_->status(), TransactionStatus::kInBlock);
    sql("INSERT INTO t VALUES (1, 'a')");
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    EXPECT_THAT(sql("COMMIT"), ElementsAre("COMMIT"));
    EXPECT_EQ(node_.control.log("t").all().size(), 1u);
    sql("BEGIN");
    sql("INSERT INTO t VALUES (2, 'b')");
    EXPECT_THAT(sql("ROLLBACK"), ElementsAre("ROLLBACK"));
    EXPECT_EQ(node_.control.log("t").all().size(), 1u);
}

TEST_F(SessionFixture, TransactionsReadTheirOwnInserts) {
    const auto own = [&] { return node_.reader.seen_options().back().own; };
    sql("BEGIN");
    sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    sql("SELECT * FROM s");
    EXPECT_EQ(own(), nullptr);
    sql("INSERT INTO t VALUES (3, 'c')");
    for (const std::string_view read : {"SELECT * FROM t", "SELECT * FROM v"}) {
        sql(read);
        ASSERT_NE(own(), nullptr) << read;
        const auto& chunks = own()->records.begin()->second;
        ASSERT_EQ(chunks.size(), 2u);
        EXPECT_THAT(*chunks[0], ElementsAre(R"({"a":1,"b":"a"})", R"({"a":2,"b":"b"})"));
        EXPECT_THAT(*chunks[1], ElementsAre(R"({"a":3,"b":"c"})"));
    }
    sql("ROLLBACK");
    sql("SELECT * FROM t");
    EXPECT_EQ(own(), nullptr);
    sql("INSERT INTO t VALUES (4, 'd'); SELECT * FROM t");
    EXPECT_NE(own(), nullptr);
}

TEST_F(SessionFixture, TakesASnapshotAStatementUnlessItIsRepeatable) {
    const auto two = [&](std::string_view begin) {
        sql(begin);
        sql("SELECT * FROM v");
        sql("SELECT * FROM t");
        sql("COMMIT");
        const auto options = node_.reader.seen_options();
        const auto& last = options.back().snapshot;
        const auto& before = options[options.size() - 2].snapshot;
        return last == nullptr ? "fresh" : last == before ? "kept" : "other";
    };
    EXPECT_EQ(two("BEGIN"), std::string("fresh"));
    EXPECT_EQ(two("BEGIN ISOLATION LEVEL READ UNCOMMITTED"), std::string("fresh"));
    EXPECT_EQ(node_.reader.pin_count(), 0u);
    EXPECT_EQ(two("BEGIN ISOLATION LEVEL REPEATABLE READ"), std::string("kept"));
    EXPECT_EQ(two("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"), std::string("kept"));
    EXPECT_EQ(two("BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"), std::string("kept"));
    EXPECT_EQ(two("BEGIN; SET transaction_isolation = 'repeatable read'"), std::string("kept"));
    EXPECT_EQ(node_.reader.pin_count(), 4u);
    sql("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    EXPECT_EQ(sql("SHOW transaction_isolation")[0], "repeatable read");
    EXPECT_EQ(two("BEGIN"), std::string("kept"));
    EXPECT_EQ(two("BEGIN ISOLATION LEVEL READ COMMITTED"), std::string("fresh"));
    sql("SET default_transaction_isolation = 'read committed'");
    EXPECT_EQ(sql("SHOW transaction_isolation")[0], "read committed");
    sql("BEGIN ISOLATION LEVEL SERIALIZABLE");
    EXPECT_EQ(node_.reader.pin_count(), 5u);
    sql("SELECT 1");
    EXPECT_EQ(sql("SHOW transaction_isolation")[0], "serializable");
    EXPECT_EQ(node_.reader.pin_count(), 6u);  // what is read later is as of now
    EXPECT_EQ(sql("COMMIT AND CHAIN")[0], "COMMIT");
    EXPECT_EQ(sql("SHOW transaction_isolation")[0], "serializable");
    sql("ROLLBACK");
    EXPECT_EQ(sql("SHOW transaction_isolation")[0], "read committed");
    EXPECT_THAT(sql("COMMIT AND CHAIN")[0], HasSubstr("25P01"));
}

TEST_F(SessionFixture, ARepeatableSnapshotIsOfTheFirstStatementWhateverThatDoes) {
    for (const char* first :
         {"CREATE TABLE other (a int)", "INSERT INTO t VALUES (1, 'a')", "SELECT 1",
          "PREPARE p AS SELECT * FROM t", "EXPLAIN SELECT * FROM t"}) {
        const size_t before = node_.reader.pin_count();
        sql("BEGIN ISOLATION LEVEL REPEATABLE READ");
        sql("SHOW transaction_isolation");
        EXPECT_EQ(node_.reader.pin_count(), before) << first;
        sql(first);
        EXPECT_EQ(node_.reader.pin_count(), before + 1) << first;
        sql("SELECT * FROM v");
        EXPECT_EQ(node_.reader.pin_count(), before + 1) << first;
        sql("ROLLBACK");
    }
}

TEST_F(SessionFixture, FixesTheIsolationWithTheFirstQuery) {
    const auto refused = [&](std::string_view statement) {
        sql("BEGIN");
        sql("SELECT 1");
        const Lines lines = sql(statement);
        sql("ROLLBACK");
        return lines[0];
    };
    EXPECT_EQ(refused("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
              "25001 SET TRANSACTION ISOLATION LEVEL must be called before any query");
    EXPECT_EQ(refused("SET transaction_isolation = 'serializable'").substr(0, 5), "25001");
    EXPECT_EQ(refused("BEGIN ISOLATION LEVEL SERIALIZABLE").substr(0, 5), "25001");
    EXPECT_EQ(refused("SET TRANSACTION DEFERRABLE").substr(0, 5), "25001");
    EXPECT_EQ(refused("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"), "SET");
    EXPECT_EQ(refused("SET TRANSACTION READ ONLY"), "SET");
    sql("BEGIN READ ONLY");
    sql("SELECT 1");
    EXPECT_EQ(sql("SET TRANSACTION READ WRITE")[0],
              "25001 transaction read-write mode must be set before any query");
    sql("ROLLBACK");
    sql("BEGIN");
    sql("SHOW transaction_isolation");
    sql("SAVEPOINT x");
    EXPECT_EQ(sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")[0],
              "25001 SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
}

TEST_F(SessionFixture, SerializableTransactionsDoNotInsert) {
    sql("BEGIN ISOLATION LEVEL SERIALIZABLE");
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, 'a')")[0], HasSubstr("0A000"));
    sql("ROLLBACK");
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
}

TEST_F(SessionFixture, DefinitionsHappenAtTheEndOfTheirTransaction) {
    const auto catalog = [&]() -> const catalog::Catalog& {
        return node_.control.state()->catalog;
    };
    sql("BEGIN");
    sql("CREATE TABLE made (a int)");
    sql("CREATE VIEW over AS SELECT a FROM made");
    EXPECT_THAT(sql("INSERT INTO made VALUES (1)"), ElementsAre("INSERT 0 1"));
    EXPECT_THAT(sql("CREATE TABLE made (a int)")[0], HasSubstr("42P07"));
    EXPECT_EQ(catalog().find_table("made"), nullptr);
    EXPECT_THAT(sql("ROLLBACK"), ElementsAre("ROLLBACK"));
    EXPECT_EQ(catalog().find_table("made"), nullptr);
    EXPECT_THAT(sql("SELECT * FROM made")[0], HasSubstr("42P01"));

    sql("BEGIN");
    sql("CREATE TABLE made (a int)");
    sql("SAVEPOINT x");
    sql("CREATE VIEW over AS SELECT a FROM made");
    sql("DROP TABLE s");
    sql("ROLLBACK TO x");
    EXPECT_THAT(sql("SELECT * FROM over")[0], HasSubstr("42P01"));
    sql("ROLLBACK TO x");
    sql("CREATE MATERIALIZED VIEW m AS SELECT a, count(*) AS n FROM made GROUP BY a");
    sql("INSERT INTO made VALUES (1)");
    EXPECT_THAT(sql("SELECT * FROM m")[0], HasSubstr("55000"));
    sql("ROLLBACK TO x");
    sql("CREATE MATERIALIZED VIEW m AS SELECT a, count(*) AS n FROM made GROUP BY a");
    sql("INSERT INTO made VALUES (1)");
    EXPECT_EQ(catalog().find_table("made"), nullptr);
    EXPECT_THAT(sql("COMMIT"), ElementsAre("COMMIT"));
    EXPECT_NE(catalog().find_table("made"), nullptr);
    EXPECT_NE(catalog().find_view("m"), nullptr);
    EXPECT_NE(catalog().find_table("s"), nullptr);
    EXPECT_EQ(node_.control.log("made").all().size(), 1u);
}

TEST_F(SessionFixture, RefusesWhatCannotBeOneStep) {
    sql("BEGIN");
    EXPECT_THAT(sql("REFRESH MATERIALIZED VIEW v")[0], HasSubstr("25001"));
    sql("ROLLBACK");
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, 'a'); REFRESH MATERIALIZED VIEW v")[0],
                HasSubstr("25001"));
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    sql("BEGIN");
    sql("CREATE MATERIALIZED VIEW m AS SELECT a, count(*) AS n FROM t GROUP BY a");
    EXPECT_THAT(sql("CREATE MATERIALIZED VIEW o AS SELECT w, count(*) AS n FROM s GROUP BY w")[0],
                HasSubstr("0A000 materialized views of more than one stream"));
    EXPECT_THAT(sql("COMMIT"), ElementsAre("ROLLBACK"));
    EXPECT_EQ(node_.control.state()->catalog.find_view("m"), nullptr);
    // One of a stream that is made with it does not count.
    EXPECT_THAT(
        sql("CREATE TABLE u (a int); "
            "CREATE MATERIALIZED VIEW m AS SELECT a, count(*) AS n FROM u GROUP BY a; "
            "CREATE MATERIALIZED VIEW o AS SELECT a, count(*) AS n FROM t GROUP BY a"),
        ElementsAre("CREATE TABLE", "CREATE MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW"));
}

TEST_F(SessionFixture, SavepointsTakeBackSettings) {
    sql("SET my.own = 'a'");
    sql("BEGIN");
    sql("SAVEPOINT x");
    sql("SET my.own = 'b'");
    sql("ROLLBACK TO x");
    EXPECT_EQ(sql("SHOW my.own")[0], "a");
    sql("COMMIT");
    EXPECT_EQ(sql("SHOW my.own")[0], "a");
}

TEST_F(SessionFixture, FailedBlocksWaitForTheirEnd) {
    sql("BEGIN");
    EXPECT_THAT(sql("SELECT * FROM nothing")[0], HasSubstr("42P01"));
    EXPECT_THAT(sql("SELECT 1")[0], HasSubstr("25P02"));
    EXPECT_THAT(sql("ROLLBACK"), ElementsAre("ROLLBACK"));
    EXPECT_THAT(sql("SELECT 1"), ElementsAre("1", "SELECT 1"));
}

TEST_F(SessionFixture, SavepointsTakeBackInserts) {
    sql("BEGIN");
    sql("INSERT INTO t VALUES (1, 'a')");
    EXPECT_THAT(sql("SAVEPOINT x"), ElementsAre("SAVEPOINT"));
    sql("INSERT INTO s (w) VALUES (true)");
    sql("SELECT * FROM nothing");
    EXPECT_THAT(sql("ROLLBACK TO x"), ElementsAre("ROLLBACK"));
    EXPECT_THAT(sql("SELECT * FROM s"), ElementsAre("SELECT 0"));
    EXPECT_THAT(sql("RELEASE x"), ElementsAre("RELEASE"));
    EXPECT_THAT(sql("RELEASE x")[0], HasSubstr("3B001"));
    sql("ROLLBACK");
    EXPECT_THAT(sql("SAVEPOINT y")[0], HasSubstr("25P01"));
}

TEST_F(SessionFixture, WarnsOfMisplacedTransactionStatements) {
    sql("COMMIT");
    EXPECT_THAT(warnings(), ElementsAre("25P01 there is no transaction in progress"));
    sql("BEGIN");
    sql("BEGIN");
    EXPECT_THAT(warnings(), ElementsAre("25001 there is already a transaction in progress"));
    sql("SET client_min_messages = error");
    sql("BEGIN");
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(SessionFixture, WhatAChainGaveOutlivesAFailure) {
    const auto after_failure = [&] {
        sql("SELECT nothing");
        EXPECT_EQ(sql("ROLLBACK AND CHAIN")[0], "ROLLBACK");
        return sql("SHOW transaction_read_only")[0];
    };
    sql("BEGIN READ ONLY");
    EXPECT_EQ(after_failure(), "off");
    sql("ROLLBACK");
    sql("BEGIN READ ONLY");
    sql("COMMIT AND CHAIN");
    EXPECT_EQ(after_failure(), "on");
    EXPECT_EQ(after_failure(), "on");
    sql("ROLLBACK");
    sql("BEGIN");
    EXPECT_EQ(after_failure(), "off");
    sql("ROLLBACK");
}

TEST_F(SessionFixture, ReadOnlyTransactionsDoNotWrite) {
    sql("BEGIN READ ONLY");
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, 'a')")[0],
                "25006 cannot execute INSERT in a read-only transaction");
    sql("COMMIT AND CHAIN");  // of a block that has failed: the next one may write
    EXPECT_EQ(sql("SHOW transaction_read_only")[0], "off");
    sql("ROLLBACK; BEGIN READ ONLY; SAVEPOINT q");
    sql("SELECT nothing");
    sql("COMMIT AND CHAIN");  // only what is behind the savepoint had failed
    EXPECT_EQ(sql("SHOW transaction_read_only")[0], "on");
    sql("ROLLBACK; BEGIN READ ONLY");
    EXPECT_THAT(sql("DROP TABLE nothing")[0], HasSubstr("25006"));
    sql("ROLLBACK");
    sql("SET default_transaction_read_only = on");
    EXPECT_THAT(sql("CREATE TABLE n (a int)")[0], HasSubstr("25006"));
}

TEST_F(SessionFixture, ReportsAFailedCommit) {
    node_.control.log("t").fail_with(
        Error(ErrorCode::kExhausted, "no space").with_sqlstate("53100"));
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, 'a')"), ElementsAre("53100 no space"));
    sql("BEGIN");
    sql("INSERT INTO t VALUES (1, 'a')");
    EXPECT_THAT(sql("COMMIT"), ElementsAre("53100 no space"));
    EXPECT_EQ(session_->status(), TransactionStatus::kIdle);
}

TEST_F(SessionFixture, KeepsPreparedStatements) {
    EXPECT_THAT(sql("PREPARE p (text) AS SELECT n FROM v WHERE b = $1"), ElementsAre("PREPARE"));
    EXPECT_THAT(sql("EXECUTE p ('two')"), ElementsAre("2", "SELECT 1"));
    EXPECT_THAT(sql("EXECUTE p ('one')"), ElementsAre("1", "SELECT 1"));
    EXPECT_EQ(node_.reader.prepare_count(), 1u);
    EXPECT_THAT(sql("EXECUTE p")[0], HasSubstr("42601"));
    EXPECT_THAT(sql("PREPARE p AS SELECT 1")[0], HasSubstr("42P05"));
    EXPECT_THAT(sql("DEALLOCATE p"), ElementsAre("DEALLOCATE"));
    EXPECT_THAT(sql("EXECUTE p ('one')")[0], HasSubstr("26000"));
    EXPECT_THAT(sql("DEALLOCATE p")[0], HasSubstr("26000"));
}

TEST_F(SessionFixture, BindsAgainWhenTheCatalogHasChanged) {
    const auto statements = sql::parse("SELECT a FROM t");
    ASSERT_OK(statements);
    ASSERT_OK_AND_ASSIGN(const PreparedPtr prepared, session_->prepare((*statements)[0], {}));
    const auto first = prepared->bound;
    ASSERT_OK(session_->execute(*prepared, {}));
    EXPECT_EQ(prepared->bound, first);
    // A new manifest version with the same catalog changes nothing.
    node_.control.change([](manifest::State&) {});
    ASSERT_OK(session_->execute(*prepared, {}));
    EXPECT_EQ(prepared->bound, first);
    sql("CREATE TABLE other (a int)");
    ASSERT_OK(session_->execute(*prepared, {}));
    EXPECT_NE(prepared->bound, first);
    sql("DROP TABLE t CASCADE");
    EXPECT_ERROR(session_->execute(*prepared, {}), ErrorCode::kNotFound, "42P01");
    sql("CREATE TABLE t (a text)");
    for (int i = 0; i < 3; ++i) {
        EXPECT_ERROR(session_->execute(*prepared, {}), ErrorCode::kUnsupported, "0A000");
    }
    sql("DROP TABLE t");
    sql("CREATE TABLE t (x text, a int)");
    ASSERT_OK(session_->execute(*prepared, {}));
}

TEST_F(SessionFixture, PreparedStatementsKeepTheTypesOfTheirParameters) {
    sql("CREATE TABLE c (a int)");
    sql("PREPARE find AS SELECT 1 AS found FROM c WHERE a = $1");
    sql("DROP TABLE c");
    EXPECT_THAT(sql("EXECUTE find (1)")[0], HasSubstr("42P01"));
    sql("CREATE TABLE c (a text)");
    for (int i = 0; i < 2; ++i) {
        EXPECT_THAT(sql("EXECUTE find (1)")[0], HasSubstr("42883"));
    }
}

TEST_F(SessionFixture, SetsWhatSetConfigSays) {
    EXPECT_THAT(sql("SELECT set_config('my.own', 'a', false)"), ElementsAre("a", "SELECT 1"));
    EXPECT_EQ(sql("SHOW my.own")[0], "a");
    EXPECT_THAT(sql("SELECT set_config('my.own', $1, false)", {"b"}), ElementsAre("b", "SELECT 1"));
    EXPECT_EQ(sql("SHOW my.own")[0], "b");
    sql("BEGIN");
    sql("SELECT set_config('my.own', 'c', true)");
    EXPECT_EQ(sql("SHOW my.own")[0], "c");
    sql("COMMIT");
    EXPECT_EQ(sql("SHOW my.own")[0], "b");
    EXPECT_THAT(sql("SELECT set_config('nothing', 'c', true)")[0], HasSubstr("42704"));
}

TEST_F(SessionFixture, PreparedStatementsFollowTheirViewsAndSettings) {
    sql("CREATE VIEW w AS SELECT 1 AS a");
    sql("PREPARE p AS SELECT * FROM w");
    sql("CREATE OR REPLACE VIEW w AS SELECT 2 AS a");
    EXPECT_THAT(sql("EXECUTE p"), ElementsAre("2", "SELECT 1"));
    for (const std::string_view other :
         {"SELECT 2 AS b", "SELECT 2 AS a, 3 AS b", "SELECT 'x' AS a"}) {
        sql("DROP VIEW w");
        sql(std::string("CREATE VIEW w AS ").append(other));
        EXPECT_THAT(sql("EXECUTE p")[0], HasSubstr("0A000 cached plan")) << other;
        EXPECT_THAT(sql("EXECUTE p")[0], HasSubstr("0A000 cached plan")) << other;
    }
    sql("PREPARE q AS SELECT '2026-01-01 00:00Z'::timestamptz::text AS t");
    sql("SET TimeZone = 'Asia/Tokyo'");
    EXPECT_THAT(sql("EXECUTE q")[0], testing::AnyOf(HasSubstr("09:00:00+09"), HasSubstr("0A000")));
}

TEST_F(SessionFixture, TakesTheTimeOfEachExecution) {
    const auto statements = sql::parse("SELECT now()");
    ASSERT_OK(statements);
    ASSERT_OK_AND_ASSIGN(const PreparedPtr prepared, session_->prepare((*statements)[0], {}));
    Lines seen;
    for (int i = 0; i < 2; ++i) {
        ASSERT_OK_AND_ASSIGN(const auto cursor, session_->execute(*prepared, {}));
        Batch batch;
        ASSERT_OK(cursor->next(batch));
        seen.push_back(rows_as_text(batch)[0]);
        node_.clock.advance_us(1'000'000);
    }
    EXPECT_THAT(seen, ElementsAre("2023-11-14 22:13:20+00", "2023-11-14 22:13:21+00"));
    sql("BEGIN");
    const Lines began = sql("SELECT now()");
    node_.clock.advance_us(1'000'000);
    EXPECT_EQ(sql("SELECT now()"), began);
}

TEST_F(SessionFixture, ViewsDoNotHoldWhatTheSessionIs) {
    EXPECT_THAT(sql("CREATE MATERIALIZED VIEW m AS SELECT b, count(*) AS n FROM t "
                    "WHERE b = current_user GROUP BY b")[0],
                testing::Not(HasSubstr("CREATE")));
    EXPECT_THAT(
        sql("CREATE MATERIALIZED VIEW m AS SELECT date_trunc('day', now()) AS d, count(*) AS n "
            "FROM t GROUP BY 1")[0],
        testing::Not(HasSubstr("CREATE")));
}

TEST_F(SessionFixture, ShowsSettings) {
    EXPECT_THAT(sql("SHOW TimeZone"), ElementsAre("UTC", "SHOW"));
    EXPECT_THAT(sql("SET TIME ZONE 'Europe/Berlin'"), ElementsAre("SET"));
    EXPECT_THAT(sql("SHOW timezone"), ElementsAre("Europe/Berlin", "SHOW"));
    EXPECT_THAT(sql("RESET TimeZone; SHOW TimeZone"), ElementsAre("RESET", "UTC", "SHOW"));
    EXPECT_THAT(sql("SHOW TRANSACTION ISOLATION LEVEL"), ElementsAre("read committed", "SHOW"));
    EXPECT_THAT(sql("SHOW nothing")[0], HasSubstr("42704"));
    EXPECT_EQ(sql("SHOW ALL").size(), setting_facts().size() + 1);
    EXPECT_THAT(sql("SET LOCAL my.own = 'x'"), ElementsAre("SET"));
    EXPECT_THAT(warnings(), ElementsAre("25P01 SET LOCAL can only be used in transaction blocks"));
}

TEST_F(SessionFixture, ReadsAsItsSettingsSay) {
    sql("SET braid.read_mode = at_cut; SET braid.cut = 5; SET statement_timeout = '2s'");
    sql("SELECT * FROM v");
    const read::ReadOptions options = node_.reader.seen_options().back();
    EXPECT_EQ(options.mode, runs::ReadMode::kAtCut);
    EXPECT_EQ(options.cut_number, 5u);
    EXPECT_EQ(options.timeout_us, 2'000'000);
    EXPECT_NE(options.cancel, nullptr);
    sql("SET statement_timeout = 0; SELECT * FROM v");
    EXPECT_EQ(node_.reader.seen_options().back().timeout_us, INT64_MAX);
}

TEST_F(SessionFixture, ShowsTheReceiptOfTheLastStatement) {
    EXPECT_THAT(sql("SHOW braid.receipt")[0], HasSubstr("55000"));
    sql("SELECT * FROM v");
    EXPECT_THAT(sql("SHOW braid.receipt")[0], HasSubstr("\"manifest\":17"));
    ASSERT_EQ(node_.receipts.entries().size(), 1u);
    EXPECT_EQ(node_.receipts.entries()[0].statement, "SELECT * FROM v");
}

TEST_F(SessionFixture, ExplainsPlansAndTilings) {
    EXPECT_THAT(sql("EXPLAIN SELECT * FROM v").back(), "EXPLAIN");
    const Lines analyzed = sql("EXPLAIN (ANALYZE) SELECT * FROM v");
    EXPECT_THAT(analyzed, testing::Contains("Rows: 3"));
    EXPECT_THAT(analyzed, testing::Contains(HasSubstr("sealed of v")));
    const Lines json = sql("EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM v");
    ASSERT_EQ(json.size(), 2u);
    EXPECT_THAT(json[0], testing::StartsWith("[{\"Plan\": [\""));
    EXPECT_THAT(json[0], HasSubstr("\"Receipt\": {\"manifest\":17"));
    EXPECT_THAT(sql("EXPLAIN INSERT INTO t VALUES (1, 'a')")[0], "Insert on t");
}

TEST_F(SessionFixture, StopsWhenItIsCancelled) {
    node_.reader.hold(true);
    const auto statements = sql::parse("SELECT * FROM v");
    ASSERT_OK(statements);
    ASSERT_OK_AND_ASSIGN(const PreparedPtr prepared, session_->prepare((*statements)[0], {}));
    ASSERT_OK_AND_ASSIGN(const auto cursor, session_->execute(*prepared, {}));
    session_->cancel();
    Batch batch;
    EXPECT_ERROR(cursor->next(batch), ErrorCode::kCancelled, "57014");
    node_.reader.hold(false);
    EXPECT_THAT(sql("SELECT 1"), ElementsAre("1", "SELECT 1"));
}

TEST_F(SessionFixture, ForgetsEverythingOnDiscardAll) {
    sql("PREPARE p AS SELECT 1; SET application_name = 'x'");
    EXPECT_THAT(sql("DISCARD ALL"), ElementsAre("DISCARD ALL"));
    EXPECT_THAT(sql("SHOW application_name")[0], "");
    EXPECT_THAT(sql("EXECUTE p")[0], HasSubstr("26000"));
    sql("BEGIN");
    EXPECT_THAT(sql("DISCARD ALL")[0], HasSubstr("25001"));
}

TEST_F(SessionFixture, RefusesWhatIsTooLarge) {
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, $1)", {std::string(kRecordBytesMax, 'x')})[0],
                HasSubstr("54000"));
    PendingWork pending(nullptr);
    catalog::Table table;
    table.id = TableId{1};
    const std::string record(kRecordBytesMax, 'x');
    const auto above = pending.insert(table, {record + "x"});
    ASSERT_ERROR(above, ErrorCode::kExhausted, "54000");
    EXPECT_FALSE(above.error().hint().empty());
    for (size_t i = 1; i < PendingWork::kBytesMax / kRecordBytesMax; ++i) {
        ASSERT_OK(pending.insert(table, {record}));
    }
    ASSERT_OK(pending.insert(table, {record.substr(1)}));
    EXPECT_ERROR(pending.insert(table, {"xx"}), ErrorCode::kExhausted, "53200");
    ASSERT_OK(pending.insert(table, {"x"}));
    EXPECT_ERROR(pending.insert(table, {"x"}), ErrorCode::kExhausted, "53200");
}

TEST_F(SessionFixture, KeepsAsManyPreparedStatementsAsItMay) {
    const auto prepare = [&](int number) {
        return sql(fmt::format("PREPARE p{} AS SELECT 1", number))[0];
    };
    for (int number = 1; number < 10'000; ++number) ASSERT_EQ(prepare(number), "PREPARE");
    EXPECT_EQ(prepare(10'000), "PREPARE");
    EXPECT_THAT(prepare(10'001), HasSubstr("53200 more than 10000 prepared statements"));
    EXPECT_EQ(sql("DEALLOCATE p1")[0], "DEALLOCATE");
    EXPECT_EQ(prepare(10'001), "PREPARE");
}

/// What a session keeps comes from the share of clients; where that has no more the session is as
/// it was.
TEST_F(SessionFixture, KeepsNoMoreThanItsShare) {
    MemoryShare share("clients", 200'000, node_.metrics);
    node_.services.clients = &share;
    session_ = node_.session();
    const std::string row(60'000, 'x');
    sql("BEGIN");
    for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(sql("INSERT INTO t VALUES (1, $1)", {row}), ElementsAre("INSERT 0 1"));
    }
    EXPECT_THAT(sql("INSERT INTO t VALUES (1, $1)", {row})[0], HasSubstr("53200 out of memory"));
    EXPECT_THAT(sql("COMMIT"), ElementsAre("ROLLBACK"));
    EXPECT_LT(share.bytes(), 30'000U);

    const std::string text = "SELECT '" + std::string(4000, 'x') + "'";
    EXPECT_THAT(sql("PREPARE p1 AS " + text), ElementsAre("PREPARE"));
    EXPECT_THAT(sql("PREPARE p2 AS " + text), ElementsAre("PREPARE"));
    EXPECT_THAT(sql("PREPARE p3 AS " + text)[0], HasSubstr("53200"));
    EXPECT_THAT(sql("EXECUTE p2"), ElementsAre(std::string(4000, 'x'), "SELECT 1"));
    EXPECT_THAT(sql("EXECUTE p3")[0], HasSubstr("26000"));
    EXPECT_THAT(sql("DEALLOCATE p1"), ElementsAre("DEALLOCATE"));
    EXPECT_THAT(sql("PREPARE p3 AS " + text), ElementsAre("PREPARE"));
    EXPECT_THAT(sql("DISCARD ALL"), ElementsAre("DISCARD ALL"));

    EXPECT_THAT(sql("SET my.text = '" + std::string(100'000, 'x') + "'"), ElementsAre("SET"));
    EXPECT_THAT(sql("SET my.more = '" + std::string(100'000, 'x') + "'")[0], HasSubstr("53200"));
    EXPECT_THAT(sql("SELECT set_config('my.more', '" + std::string(100'000, 'x') + "', false)")[0],
                HasSubstr("53200"));
    EXPECT_THAT(sql("SHOW my.more")[0], HasSubstr("42704"));
    EXPECT_THAT(sql("BEGIN; SAVEPOINT a")[0], HasSubstr("53200"));
    sql("ROLLBACK");
    EXPECT_THAT(sql("RESET my.text"), ElementsAre("RESET"));
    EXPECT_THAT(sql("BEGIN; SAVEPOINT a"), ElementsAre("BEGIN", "SAVEPOINT"));
    session_.reset();
    EXPECT_EQ(share.bytes(), 0U);
}

}  // namespace
}  // namespace braid::serving
