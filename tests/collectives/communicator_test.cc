#include "runtime/collectives/communicator.h"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "tests/collectives/world.h"
#include "tests/support/message_of.h"

namespace sinter::runtime {
namespace {

using namespace std::chrono_literals;
using Kind = Collective::Kind;
using testing::Each;
using testing::ElementsAre;
using testing::StartsWith;

const Collective kSum{Kind::all_reduce, Fold::sum, 4, {{DType::i32, 1}}};

// The sum of what each rank of four gives.
int32_t sum_of(Communicator& communicator, int32_t value, const CallMarks& marks = {}) {
  const void* from = &value;
  void* to = &value;
  communicator.end(communicator.begin(kSum, {&from, 1}, {&to, 1}, marks, {}));
  return value;
}

TEST(Communicator, OfOneRankWorksAlone) {
  Communicator communicator;
  EXPECT_EQ(communicator.rank(), 0);
  EXPECT_EQ(communicator.size(), 1);
  EXPECT_EQ(sum_of(communicator, 3), 3);
  EXPECT_THAT(communicator.exchange("names", "one"), ElementsAre("one"));
}

TEST(Communicator, CarriesOutWhatHasBegunInOrder) {
  constexpr size_t kMany = 20;
  std::vector<Collective> collectives;
  for (size_t i = 0; i < kMany; ++i)
    collectives.push_back({Kind::all_reduce, Fold::sum, 3, {{DType::i64, i % 3 == 0 ? 40'000 : 7}}});
  const auto thrown = on_all_ranks(3, [&](Communicator& communicator) {
    std::vector<std::vector<int64_t>> operands, results;
    std::vector<uint64_t> tickets;
    for (size_t i = 0; i < kMany; ++i) {
      const size_t elements = static_cast<size_t>(collectives[i].parts[0].elements);
      operands.emplace_back(elements, static_cast<int64_t>(i) * 10 + communicator.rank());
      results.emplace_back(elements);
    }
    for (size_t i = 0; i < kMany; ++i) {
      const void* from = operands[i].data();
      void* to = results[i].data();
      tickets.push_back(communicator.begin(collectives[i], {&from, 1}, {&to, 1}, {}, {}));
      if (communicator.rank() == 1) std::this_thread::sleep_for(1ms);
    }
    for (size_t i = 0; i < kMany; ++i) {
      communicator.end(tickets[i]);
      EXPECT_THAT(results[i], Each(static_cast<int64_t>(i) * 30 + 3));
    }
  });
  EXPECT_THAT(thrown, Each(""));
}

TEST(Communicator, TellsTheFirstFaultOnAllRanks) {
  const std::array<CollectiveFault, 4> faults = {{{}, {5, 2, 10}, {5, 1, 11}, {5, 1, 12}}};
  const auto thrown = on_all_ranks(4, [&](Communicator& communicator) {
    int32_t value = 1;
    const void* from = &value;
    void* to = &value;
    const CollectiveFault fault = communicator.end(
        communicator.begin(kSum, {&from, 1}, {&to, 1}, {}, faults[static_cast<size_t>(communicator.rank())]));
    EXPECT_EQ(fault.site, 5);
    EXPECT_EQ(fault.position, 1);
    EXPECT_EQ(fault.bits, 11);
    EXPECT_EQ(value, 4);
    EXPECT_EQ(communicator.end(communicator.begin(kSum, {&from, 1}, {&to, 1}, {}, {})).site, -1);
  });
  EXPECT_THAT(thrown, Each(""));
}

TEST(Communicator, ExchangesTexts) {
  const auto thrown = on_all_ranks(3, [&](Communicator& communicator) {
    const auto text_of = [](int rank) {
      return std::string(static_cast<size_t>(rank) * 500'000, static_cast<char>('a' + rank));
    };
    EXPECT_THAT(communicator.exchange("texts", text_of(communicator.rank())),
                ElementsAre("", text_of(1), text_of(2)));
  });
  EXPECT_THAT(thrown, Each(""));
}

TEST(Communicator, NamesWhoDisagrees) {
  const auto told = [](int ranks, int other, CallMarks marks) {
    return on_all_ranks(ranks, [&](Communicator& communicator) {
      for (int step = 0; step < 3; ++step) {
        const bool differs = step == 2 && communicator.rank() == other;
        sum_of(communicator, 1, differs ? marks : CallMarks{});
      }
    });
  };
  EXPECT_THAT(told(2, 0, {0, 1}), Each("rank 1 was given other data than rank 0"));
  EXPECT_THAT(told(3, 0, {0, 1}), Each("rank 0 was given other data than the others"));
  EXPECT_THAT(told(4, 2, {1, 1}), Each("rank 2 is at another function or step than the others"));
}

TEST(Communicator, NamesWhoRunsAnotherProgram) {
  const auto thrown = on_all_ranks(2, [](Communicator& communicator) {
    communicator.exchange("settings", "");
    communicator.exchange(communicator.rank() == 0 ? "state" : "names", "");
  });
  EXPECT_THAT(thrown, Each("rank 1 runs another program than rank 0"));
}

TEST(Communicator, TellsTheOthersWhyOneFails) {
  const auto thrown = on_all_ranks(4, [](Communicator& communicator) {
    sum_of(communicator, 1);
    if (communicator.rank() == 2) {
      communicator.fail("cannot open data.conllu");
      return;
    }
    sum_of(communicator, 1);
  });
  const std::string told = "rank 2 ended: cannot open data.conllu";
  EXPECT_THAT(thrown, ElementsAre(told, told, "", told));
}

// Where the first one does not answer, it is the next.
TEST(Communicator, LetsOneRankPrintWhatFails) {
  std::vector<std::string> printed(3);
  const auto ended = [&](Communicator& communicator, const std::string& own) {
    std::string why = own;
    try {
      if (own.empty()) sum_of(communicator, 1);
    } catch (const std::exception& error) {
      why = "step 2: " + std::string(error.what());
    }
    printed[static_cast<size_t>(communicator.rank())] = communicator.fail(why);
  };
  on_all_ranks(3,
               [&](Communicator& communicator) { ended(communicator, communicator.rank() == 1 ? "x" : ""); });
  EXPECT_THAT(printed, ElementsAre("step 2: rank 1 ended: x", "", ""));
  on_all_ranks(3, [&](Communicator& communicator) { ended(communicator, "y"); });
  EXPECT_THAT(printed, ElementsAre("rank 0 ended: y", "", ""));
  Communicator alone;
  EXPECT_EQ(alone.fail("z"), "z");
}

TEST(Communicator, TellsTheOthersOfAnError) {
  const auto thrown = on_all_ranks(2, [](Communicator& communicator) {
    sum_of(communicator, 1);
    if (communicator.rank() == 1) throw std::runtime_error("mine");
    sum_of(communicator, 1);
  });
  EXPECT_THAT(thrown, ElementsAre("rank 1 ended: an error", "mine"));
}

// What rank 2 gives is there for rank 0, and its failure for rank 1, before it is there for rank 1.
TEST(Communicator, EndsWhatHasEndedOnOneThatFails) {
  const Collective gather{Kind::all_gather, Fold::sum, 1, {{DType::i32, 2500, 2}}};
  std::vector<int32_t> last(3);
  const auto thrown =
      on_all_ranks(3,
                   [&](Communicator& communicator) {
                     std::vector<int32_t> values(2500, communicator.rank());
                     const void* from = values.data();
                     void* to = values.data();
                     communicator.end(communicator.begin(gather, {&from, 1}, {&to, 1}, {}, {}));
                     last[static_cast<size_t>(communicator.rank())] = values.back();
                     if (communicator.rank() == 0) throw std::runtime_error("mine");
                     sum_of(communicator, 1);
                   },
                   {.bytes_per_second = 200e3});
  EXPECT_THAT(last, Each(2));
  EXPECT_THAT(thrown, ElementsAre("mine", "rank 0 ended: an error", "rank 0 ended: an error"));
}

TEST(Communicator, NoticesWhoEndsTooEarly) {
  const auto thrown = on_all_ranks(3, [](Communicator& communicator) {
    if (communicator.rank() == 1) return;
    sum_of(communicator, 1);
  });
  EXPECT_THAT(thrown, ElementsAre("rank 1 ended before the others", "", "rank 1 ended before the others"));
}

TEST(Communicator, LetsRanksEndAtAnyTime) {
  const auto thrown = on_all_ranks(3, [](Communicator& communicator) {
    sum_of(communicator, 1);
    std::this_thread::sleep_for(communicator.rank() * 300ms);
  });
  EXPECT_THAT(thrown, Each(""));
}

TEST(Communicator, NoticesWhoIsSilent) {
  auto transports = local_world(3);
  std::vector<std::string> thrown(2), printed(2);
  std::vector<std::thread> threads;
  for (size_t i : {0, 1}) {
    threads.emplace_back([&, i] {
      Communicator communicator(std::move(transports[i + 1]));
      thrown[i] = message_of([&] { sum_of(communicator, 1); });
      printed[i] = communicator.fail(thrown[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(thrown, Each(StartsWith("rank 0 has not answered for 2.5 s")));
  EXPECT_THAT(printed, ElementsAre(thrown[0], ""));
}

// Two messages each way of 1 ms, while it would take twenty of them without overlap.
TEST(Communicator, LetsSeveralSmallOnesTravelAtOnce) {
  const auto thrown =
      on_all_ranks(2,
                   [](Communicator& communicator) {
                     sum_of(communicator, 1);
                     const auto since = std::chrono::steady_clock::now();
                     std::array<int32_t, 20> values;
                     std::vector<uint64_t> tickets;
                     for (int32_t& value : values) {
                       value = communicator.rank();
                       const void* from = &value;
                       void* to = &value;
                       tickets.push_back(communicator.begin(kSum, {&from, 1}, {&to, 1}, {}, {}));
                     }
                     for (const uint64_t ticket : tickets) communicator.end(ticket);
                     EXPECT_LT(std::chrono::steady_clock::now() - since, 200ms);
                   },
                   {.latency = 20e-3});
  EXPECT_THAT(thrown, Each(""));
}

}  // namespace
}  // namespace sinter::runtime
