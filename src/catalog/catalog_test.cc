// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "catalog/view_versions.h"

namespace braid::catalog {
namespace {

/// Two streams; view "hits" (id 3, versions 4 and 5) of the first; plain view "both".
Catalog sample() {
    Catalog catalog;
    catalog.tables.put(Table{.id = {1}, .name = "access", .options = {{"format", "json"}}});
    catalog.tables.put(Table{.id = {2}, .name = "Zugriff \"é\""});
    MaterializedView hits{.id = {3}, .name = "hits", .table = {1}};
    hits.versions = {ViewVersion{.id = {4}}, ViewVersion{.id = {5}}};
    hits.current = {5};
    catalog.views.put(hits);
    catalog.plain_views.put(PlainView{.id = {6}, .name = "both"});
    return catalog;
}

TEST(Catalog, FindsByExactName) {
    const Catalog catalog = sample();
    ASSERT_NE(catalog.find_table("access"), nullptr);
    EXPECT_EQ(catalog.find_table("access")->id, TableId{1});
    EXPECT_EQ(catalog.find_table("Zugriff \"é\"")->id, TableId{2});
    EXPECT_EQ(catalog.find_table("ACCESS"), nullptr);
    EXPECT_EQ(catalog.find_table("hits"), nullptr);
    EXPECT_EQ(catalog.find_view("hits")->id, ViewId{3});
    EXPECT_EQ(catalog.find_view("access"), nullptr);
    EXPECT_EQ(catalog.find_plain_view("both")->id, ObjectId{6});
}

TEST(Catalog, SharesOneNameSpaceAmongRelations) {
    const Catalog catalog = sample();
    for (const char* name : {"access", "hits", "both"}) EXPECT_TRUE(catalog.has_relation(name));
    EXPECT_FALSE(catalog.has_relation("other"));
    EXPECT_FALSE(catalog.has_relation(""));
}

TEST(DatasetFolder, IsTheNameAndTheId) {
    EXPECT_EQ(dataset_folder("access", {12}), "dataset/access-12");
    EXPECT_EQ(dataset_folder("access_2", {3}), "dataset/access_2-3");
    // Spark and Hive skip folders that begin with '_' or '.'.
    EXPECT_EQ(dataset_folder("_tmp", {3}), "dataset/%5ftmp-3");
}

TEST(DatasetFolder, EscapesWhateverIsNoPlainName) {
    EXPECT_EQ(dataset_folder("日志", {1}), "dataset/%e6%97%a5%e5%bf%97-1");
    EXPECT_EQ(dataset_folder("..", {1}), "dataset/%2e%2e-1");
    EXPECT_EQ(dataset_folder("../../etc", {1}), "dataset/%2e%2e%2f%2e%2e%2fetc-1");
    EXPECT_EQ(dataset_folder("a/b\\c", {1}), "dataset/a%2fb%5cc-1");
    EXPECT_EQ(dataset_folder("a-1", {1}), "dataset/a%2d1-1");
    EXPECT_EQ(dataset_folder("50%", {1}), "dataset/50%25-1");
    EXPECT_EQ(dataset_folder("", {7}), "dataset/-7");
}

/// Names that differ only in case have folders that differ also where case is not told apart.
TEST(DatasetFolder, ToldApartWhereCaseIsNot) {
    EXPECT_EQ(dataset_folder("Access", {1}), "dataset/%41ccess-1");
    EXPECT_NE(dataset_folder("ACCESS", {1}), dataset_folder("Access", {1}));
    const std::string folder = dataset_folder("ÄÖÜ ABC", {1});
    EXPECT_TRUE(std::ranges::none_of(folder, [](char each) { return each >= 'A' && each <= 'Z'; }));
}

TEST(DatasetFolder, FitsAFileName) {
    constexpr size_t kFileNameMax = 255;
    const std::string longest(63, '\xe6');  // PostgreSQL's longest name
    const std::string folder = dataset_folder(longest, {UINT64_MAX});
    EXPECT_EQ(folder.size(), 8 + 63 * 3 + 1 + 20);
    const std::string cut = dataset_folder(std::string(100, '.'), {UINT64_MAX});
    EXPECT_LE(cut.size(), 8 + kFileNameMax);
    EXPECT_EQ(
        cut, "dataset/" + [] {
            std::string escapes;
            for (int each = 0; each < 66; ++each) escapes += "%2e";
            return escapes;
        }() + "-18446744073709551615");
}

TEST(Catalog, ListsTheViewsOfATable) {
    const Catalog catalog = sample();
    ASSERT_EQ(catalog.views_of({1}).size(), 1U);
    EXPECT_EQ(catalog.views_of({1}).front()->name, "hits");
    EXPECT_TRUE(catalog.views_of({2}).empty());
    EXPECT_TRUE(catalog.views_of({99}).empty());
    EXPECT_EQ(versions_of(catalog, {1}), (std::vector<VersionId>{{4}, {5}}));
    EXPECT_TRUE(versions_of(catalog, {2}).empty());
}

TEST(Catalog, FindsTheViewOfEachVersion) {
    const Catalog catalog = sample();
    ASSERT_NE(catalog.view_of_version({4}), nullptr);
    EXPECT_EQ(catalog.view_of_version({4})->id, ViewId{3});
    EXPECT_EQ(catalog.view_of_version({5})->find({5})->id, VersionId{5});
    EXPECT_EQ(catalog.view_of_version({3}), nullptr);
    EXPECT_EQ(catalog.view_of_version({5})->find({6}), nullptr);
}

TEST(Catalog, GivesAnOptionOrTheFallback) {
    const Catalog catalog = sample();
    EXPECT_EQ(catalog.find_table("access")->option("format", "csv"), "json");
    EXPECT_EQ(catalog.find_table("access")->option("timezone", "UTC"), "UTC");
}

TEST(Catalog, FindsWhatHasTakenAPlaceAndNotWhatWasThere) {
    Catalog catalog = sample();
    catalog.tables.put(Table{.id = {2}, .log = {"ab"}, .name = "other", .dataset_folder = "d/2"});
    EXPECT_EQ(catalog.find_table("Zugriff \"é\""), nullptr);
    EXPECT_EQ(catalog.find_table("other")->id, TableId{2});
    EXPECT_EQ(catalog.tables.marked("ab")->id, TableId{2});
    EXPECT_EQ(catalog.tables.marked("d/2")->id, TableId{2});
    const Catalog before = catalog;
    catalog.tables.erase({2});
    EXPECT_EQ(catalog.find_table("other"), nullptr);
    EXPECT_EQ(catalog.tables.marked("ab"), nullptr);
    EXPECT_EQ(before.find_table("other")->id, TableId{2});
    catalog.views.erase({3});
    EXPECT_TRUE(catalog.views_of({1}).empty());
    EXPECT_EQ(catalog.view_of_version({5}), nullptr);
    EXPECT_EQ(before.view_of_version({5})->name, "hits");
}

}  // namespace
}  // namespace braid::catalog
