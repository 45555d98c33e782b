#include "examples/attention_classifier/metrics.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace attention_classifier {
namespace {

TEST(Metrics, WritesOneLineAnEpoch) {
  const sinter::ScratchFolder folder;
  const std::string path = folder.path("metrics.csv");
  write_metrics(path,
                std::array<EpochMetrics, 2>{{{1, 0.25, 0.9, 1.0 / 3, 1.5}, {2, 1e-7, 1, 0.1 + 0.2, 3}}});
  EXPECT_EQ(sinter::runtime::read_file(path),
            "epoch,loss,train_accuracy,dev_accuracy,seconds\n"
            "1,0.25,0.9,0.3333333333333333,1.5\n"
            "2,1e-07,1,0.30000000000000004,3\n");
  write_metrics(path, {});
  EXPECT_EQ(sinter::runtime::read_file(path), "epoch,loss,train_accuracy,dev_accuracy,seconds\n");
}

TEST(Metrics, SaysWhyItCannotWrite) {
  const sinter::ScratchFolder folder;
  const std::string path = folder.path("missing/metrics.csv");
  EXPECT_EQ(sinter::message_of([&] { write_metrics(path, {}); }),
            "cannot write " + path + ": No such file or directory");
}

}  // namespace
}  // namespace attention_classifier
