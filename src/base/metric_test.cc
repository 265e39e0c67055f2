// SPDX-License-Identifier: Apache-2.0
#include "base/metric.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(Metrics, AreWrittenInThePrometheusFormat) {
    Metrics metrics;
    metrics.get("braid_rows_total", Metrics::Kind::kCounter, "rows, all\nof them", "table=\"a\"")
        .add(3);
    metrics.get("braid_rows_total", Metrics::Kind::kCounter, "", "table=\"b\"").add(4);
    metrics.get("braid_lag", Metrics::Kind::kGauge, "records behind").set(-1);
    EXPECT_EQ(metrics.to_prometheus(),
              "# HELP braid_lag records behind\n"
              "# TYPE braid_lag gauge\n"
              "braid_lag -1\n"
              "# HELP braid_rows_total rows, all\\nof them\n"
              "# TYPE braid_rows_total counter\n"
              "braid_rows_total{table=\"a\"} 3\n"
              "braid_rows_total{table=\"b\"} 4\n");
}

TEST(Metrics, GiveTheSameMetricForTheSameName) {
    Metrics metrics;
    Metric& first = metrics.get("a", Metrics::Kind::kCounter, "help");
    first.add(2);
    EXPECT_EQ(&metrics.get("a", Metrics::Kind::kCounter, "help"), &first);
    EXPECT_EQ(first.get(), 2);
}

TEST(Metrics, AreLookedAtBeforeTheyAreRead) {
    Metrics metrics;
    Metric& looks = metrics.get("looks", Metrics::Kind::kGauge, "help");
    metrics.on_read([&looks] { looks.add(1); });
    EXPECT_NE(metrics.to_prometheus().find("\nlooks 1\n"), std::string::npos);
    EXPECT_NE(metrics.to_prometheus().find("\nlooks 2\n"), std::string::npos);
    EXPECT_EQ(looks.get(), 2);
}

}  // namespace
}  // namespace braid
