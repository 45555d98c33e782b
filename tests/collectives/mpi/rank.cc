// A rank under MPI that does what the first argument says; mpi_test.cc runs it.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/collectives/communicator.h"
#include "runtime/collectives/mpi/mpi_transport.h"
#include "runtime/collectives/tree.h"
#include "runtime/file.h"

namespace {

using namespace sinter::runtime;
using namespace std::chrono_literals;
using Kind = Collective::Kind;

// Sums that depend on their order, over twelve leaves that are the same however many ranks have them.
uint64_t step(Communicator& communicator, int64_t elements, const CallMarks& marks = {}) {
  const Collective sum{Kind::all_reduce, Fold::sum, 12, {{DType::f32, elements}, {DType::f32, 3}}};
  const Leaves own = leaves_of(12, communicator.size(), communicator.rank());
  const size_t count = static_cast<size_t>(elements);
  const auto value = [](int64_t leaf, size_t i) {
    return static_cast<float>((leaf * 7919 + static_cast<int64_t>(i) * 104729) % 1000003) * 1e-3f;
  };
  std::vector<float> operand;
  std::vector<std::vector<float>> leaves;
  for (int64_t leaf = own.first; leaf < own.first + own.count; ++leaf) {
    leaves.emplace_back(count);
    for (size_t i = 0; i < count; ++i) leaves.back()[i] = value(leaf, i);
  }
  if (own.is_one) {
    std::vector<const void*> pieces;
    for (const auto& leaf : leaves) pieces.push_back(leaf.data());
    operand.resize(count);
    fold_pieces(DType::f32, Fold::sum, elements, additions_of(own.count, static_cast<int>(own.count)), pieces,
                operand.data(), kFlushDenormals);
  } else {
    for (const auto& leaf : leaves) operand.insert(operand.end(), leaf.begin(), leaf.end());
  }
  std::vector<float> result(count), small(3 * static_cast<size_t>(own.pieces()), 1.0f), small_result(3);
  const void* operands[] = {operand.data(), small.data()};
  void* results[] = {result.data(), small_result.data()};
  communicator.end(communicator.begin(sum, operands, results, marks, {}));
  return checksum({reinterpret_cast<const char*>(result.data()), count * sizeof(float)});
}

void sums(Communicator& communicator) {
  uint64_t all = 0;
  for (const int64_t elements : {1, 100, 5000, 300'001, 2'000'003})
    all = all * 31 + step(communicator, elements);
  const std::vector<std::string> texts = communicator.exchange("sums", std::to_string(all));
  for (const std::string& text : texts) {
    if (text != texts[0]) throw std::runtime_error("ranks have other bits");
  }
  if (communicator.rank() == 0) std::printf("sums %s\n", texts[0].c_str());
}

void latency(Communicator& communicator) {
  std::vector<double> times;
  for (int i = 0; i < 2000; ++i) {
    const auto since = std::chrono::steady_clock::now();
    step(communicator, 16);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count());
  }
  std::ranges::sort(times);
  if (communicator.rank() == 0) std::printf("latency %.1f us\n", times[times.size() / 2] * 1e6);
}

void bandwidth(Communicator& communicator) {
  std::vector<double> times;
  for (int i = 0; i < 10; ++i) {
    std::vector<float> values(16 << 20);
    const Collective sum{Kind::all_reduce, Fold::sum, communicator.size(), {{DType::f32, 16 << 20}}};
    const void* from = values.data();
    void* to = values.data();
    const auto since = std::chrono::steady_clock::now();
    communicator.end(communicator.begin(sum, {&from, 1}, {&to, 1}, {}, {}));
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count());
  }
  std::ranges::sort(times);
  if (communicator.rank() == 0) std::printf("all_reduce of 64 MiB: %.1f ms\n", times[times.size() / 2] * 1e3);
}

const std::map<std::string, std::function<void(Communicator&)>> kWorks = {
    {"sums", sums},
    {"latency", latency},
    {"bandwidth", bandwidth},
    // Forever; a rank's file says its process and that it is on its way.
    {"steps",
     [](Communicator& communicator) {
       for (int64_t i = 0;; ++i) {
         step(communicator, i % 2 == 0 ? 100 : 100'000);
         if (i == 10) std::ofstream(std::to_string(communicator.rank())) << getpid() << std::endl;
       }
     }},
    // The same between steps: nobody waits.
    {"alone",
     [](Communicator& communicator) {
       step(communicator, 100);
       std::ofstream(std::to_string(communicator.rank())) << getpid() << std::endl;
       std::this_thread::sleep_for(60s);
     }},
    // One evaluates alone, one saves at the end.
    {"waits",
     [](Communicator& communicator) {
       step(communicator, 100);
       if (communicator.rank() == 1) std::this_thread::sleep_for(2800ms);
       step(communicator, 100);
       if (communicator.rank() != 0) return;
       std::puts("went on");
       std::this_thread::sleep_for(2800ms);
       std::puts("saved");
     }},
    {"fails",
     [](Communicator& communicator) {
       step(communicator, 100);
       if (communicator.rank() == 1) throw std::runtime_error("cannot open data.conllu");
       step(communicator, 100);
     }},
    {"returns",
     [](Communicator& communicator) {
       step(communicator, 100);
       if (communicator.rank() != 1) step(communicator, 100);
     }},
    {"disagrees",
     [](Communicator& communicator) {
       step(communicator, 100);
       step(communicator, 100, {1, communicator.rank() == 1 ? 2u : 1u});
     }},
};

}  // namespace

int main(int, char** arguments) {
  try {
    Communicator communicator(mpi_transport());
    try {
      kWorks.at(arguments[1])(communicator);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "error: %s\n", error.what());
      communicator.fail(error.what());
      return 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
