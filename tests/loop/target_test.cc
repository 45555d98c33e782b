#include "ir/loop/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

namespace sinter::loop {
namespace {

using testing::HasSubstr;
using Kind = Target::Kind;

void change(Kind& kind) {
  kind = Kind::gpu_on_cpu;
}
void change(std::string& text) {
  text += "'; kind=gpu";
}
void change(bool& value) {
  value = !value;
}
void change(int64_t& value) {
  value = value == INT64_MAX ? 1 : value + 1;
}

// Every field is part of the identity, of what is printed, and of what is compared.
TEST(Target, IsAllOfItsFields) {
  std::set<std::string> identities = {identity(Target())};
  size_t fields = 0;
#define SINTER_TARGET_FIELD(type, name, value, what)  \
  {                                                   \
    Target target;                                    \
    change(target.name);                              \
    EXPECT_NE(target, Target()) << #name;             \
    EXPECT_NE(print(target), print(Target()));        \
    EXPECT_THAT(print(target), HasSubstr(#name " ")); \
    identities.insert(identity(target));              \
    ++fields;                                         \
  }
#include "ir/loop/target.def"
#undef SINTER_TARGET_FIELD
  EXPECT_EQ(identities.size(), fields + 1);
  EXPECT_EQ(identity(Target()), identity(Target()));
}

TEST(Target, PrintsALineForEachField) {
  const std::string text = print(Target());
  EXPECT_THAT(text, testing::StartsWith("kind                 cpu          what executes kernels\n"));
  EXPECT_THAT(text, HasSubstr("\nvector_bytes         32           of a register\n"));
  EXPECT_THAT(text, HasSubstr("\nmax_buffer_bytes     unlimited    of one buffer\n"));
}

TEST(Target, AnswersByItsKind) {
  Target cpu, gpu, on_cpu;
  gpu.kind = Kind::gpu;
  on_cpu.kind = Kind::gpu_on_cpu;
  gpu.subgroup_size = on_cpu.subgroup_size = 8;
  for (const auto& [target, workgroups, shared, vectors, lanes, elements] :
       std::vector<std::tuple<Target, bool, bool, bool, int64_t, int64_t>>{
           {cpu, false, false, false, 4, 8192},
           {gpu, true, true, false, 1, 1},
           {on_cpu, true, false, true, 1, 1}}) {
    EXPECT_EQ(target.has_workgroups(), workgroups);
    EXPECT_EQ(target.has_fast_shared(), shared);
    EXPECT_EQ(target.has_subgroup_vectors(), vectors);
    EXPECT_EQ(target.lanes(8), lanes);
    EXPECT_EQ(target.elements_a_unit(), elements);
  }
  EXPECT_EQ(cpu.lanes(), 8);
  EXPECT_EQ(cpu.lanes(64), 1);
  on_cpu.subgroup_size = 1;
  EXPECT_FALSE(on_cpu.has_subgroup_vectors());
}

}  // namespace
}  // namespace sinter::loop
