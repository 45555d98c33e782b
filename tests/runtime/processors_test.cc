#include "runtime/processors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "tests/runtime/scratch_folder.h"

namespace sinter::runtime {
namespace {

using testing::ElementsAre;

// /sys and /proc of a machine.
class FindProcessors : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = folder_.path(file);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  void add(int processor, const std::string& core, const std::vector<std::string>& caches) const {
    const std::string own = fmt::format("sys/devices/system/cpu/cpu{}/", processor);
    write(own + "topology/thread_siblings_list", core);
    for (size_t i = 0; i < caches.size(); ++i)
      write(own + fmt::format("cache/index{}/shared_cpu_list", i), caches[i]);
  }
  void add(const std::vector<int>& processors, const std::string& last_cache) const {
    for (int each : processors) add(each, std::to_string(each), {std::to_string(each), last_cache});
  }
  Processors find(const std::vector<int>& allowed) const {
    return find_processors(allowed, folder_.path(""));
  }
  double quota() const { return find({0}).quota; }

 private:
  ScratchFolder folder_;
};

constexpr double kNoBound = std::numeric_limits<double>::infinity();

TEST_F(FindProcessors, NothingToRead) {
  const Processors found = find({2, 3, 5});
  EXPECT_THAT(found.caches, ElementsAre(ElementsAre(2, 3, 5)));
  EXPECT_EQ(found.cores, 3);
  EXPECT_EQ(found.quota, kNoBound);
}

TEST_F(FindProcessors, CoresOfTwoSockets) {
  add({0, 2, 4}, "0,2,4");
  add({1, 3, 5}, "1,3,5");
  const Processors found = find({0, 1, 2, 3, 4, 5});
  EXPECT_THAT(found.caches, ElementsAre(ElementsAre(0, 2, 4), ElementsAre(1, 3, 5)));
  EXPECT_EQ(found.cores, 6);
  EXPECT_THAT(find({3, 4, 5}).caches, ElementsAre(ElementsAre(3, 5), ElementsAre(4)));
}

TEST_F(FindProcessors, FirstOfEachCoreBeforeItsSibling) {
  for (int core : {0, 1, 2, 3}) {
    for (int processor : {core, core + 4}) {
      const std::string siblings = fmt::format("{},{}", core, core + 4);
      add(processor, siblings, {siblings, siblings, siblings, core < 2 ? "0-1,4-5" : "2-3,6-7"});
    }
  }
  const Processors all = find({0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_THAT(all.caches, ElementsAre(ElementsAre(0, 1, 4, 5), ElementsAre(2, 3, 6, 7)));
  EXPECT_EQ(all.cores, 4);
  const Processors some = find({1, 2, 4, 5});
  EXPECT_THAT(some.caches, ElementsAre(ElementsAre(1, 4, 5), ElementsAre(2)));
  EXPECT_EQ(some.cores, 3);

  for (int processor : {8, 9}) add(processor, "8-9", {"8-9", "8-11"});
  for (int processor : {10, 11}) add(processor, "10-11", {"10-11", "8-11"});
  const Processors neighbours = find({8, 9, 10, 11});
  EXPECT_THAT(neighbours.caches, ElementsAre(ElementsAre(8, 10, 9, 11)));
  EXPECT_EQ(neighbours.cores, 2);
}

TEST_F(FindProcessors, CachesOfOneCoreAreNotShared) {
  for (int processor : {0, 1}) add(processor, "0-1", {"0-1", "0-1"});
  for (int processor : {2, 3}) add(processor, "2-3", {"2-3", "2-3"});
  const Processors found = find({0, 1, 2, 3});
  EXPECT_THAT(found.caches, ElementsAre(ElementsAre(0, 2, 1, 3)));
  EXPECT_EQ(found.cores, 2);
}

TEST_F(FindProcessors, QuotaOfItsGroup) {
  write("proc/self/cgroup", "0::/jobs/one");
  EXPECT_EQ(quota(), kNoBound);
  write("sys/fs/cgroup/jobs/one/cpu.max", "150000 100000");
  EXPECT_EQ(quota(), 1.5);
  write("sys/fs/cgroup/jobs/one/cpu.max", "max 100000");
  EXPECT_EQ(quota(), kNoBound);
}

TEST_F(FindProcessors, QuotaOfGroupsAroundIt) {
  write("proc/self/cgroup", "0::/jobs/one");
  write("sys/fs/cgroup/jobs/one/cpu.max", "400000 100000");
  write("sys/fs/cgroup/jobs/cpu.max", "50000 20000");
  write("sys/fs/cgroup/jobs/two/cpu.max", "10000 100000");
  EXPECT_EQ(quota(), 2.5);
  write("sys/fs/cgroup/cpu.max", "900000 100000");
  EXPECT_EQ(quota(), 2.5);
  write("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(quota(), 2);
  write("proc/self/cgroup", "0::/");
  write("sys/fs/cgroup/cpu.max", "300000 100000");
  EXPECT_EQ(quota(), 3);
}

TEST_F(FindProcessors, QuotaOfVersionOne) {
  write("proc/self/cgroup", "5:memory:/jobs/two\n4:cpu,cpuacct:/jobs/one\n3:cpuset:/\n0::/jobs/three");
  write("sys/fs/cgroup/cpu/jobs/one/cpu.cfs_quota_us", "-1");
  write("sys/fs/cgroup/cpu/jobs/one/cpu.cfs_period_us", "100000");
  write("sys/fs/cgroup/cpu/jobs/two/cpu.cfs_quota_us", "10000");
  write("sys/fs/cgroup/cpu/jobs/two/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), kNoBound);
  write("sys/fs/cgroup/cpu/jobs/one/cpu.cfs_quota_us", "350000");
  EXPECT_EQ(quota(), 3.5);
  // In a container the path is the host's, and the root is the container's group.
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), 0.5);
}

TEST_F(FindProcessors, QuotasThatAreNone) {
  write("proc/self/cgroup", "no group\n0::/");
  for (const std::string text : {"", "max", "100000", "0 100000", "100000 0", "-5 100000", "many 100000"}) {
    write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(quota(), kNoBound) << text;
  }
}

TEST(Processors, BestThreads) {
  const auto best = [](double quota) { return Processors{.cores = 8, .quota = quota}.best_threads(); };
  EXPECT_EQ(best(kNoBound), 8);
  EXPECT_EQ(best(0.5), 1);
  EXPECT_EQ(best(1), 1);
  EXPECT_EQ(best(1.5), 2);
  EXPECT_EQ(best(100), 8);
  EXPECT_EQ(best(1e300), 8);
}

TEST(Processors, OfThisMachine) {
  const Processors found = find_processors();
  size_t processors = 0;
  for (const std::vector<int>& cache : found.caches) processors += cache.size();
  EXPECT_GE(found.cores, 1);
  EXPECT_GE(processors, static_cast<size_t>(found.cores));
}

}  // namespace
}  // namespace sinter::runtime
