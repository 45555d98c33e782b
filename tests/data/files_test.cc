#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/frontend/evaluate.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using testing::ElementsAre;
using testing::Pair;

class Files : public testing::Test {
 protected:
  std::string csv_error(std::string_view text, const CsvOptions& options = {}) {
    const std::string path = folder_.write("a.csv", text);
    const std::string message = message_of([&] { load_csv(path, options); });
    EXPECT_EQ(message_of([&] { open_csv(path, options); }), message);
    EXPECT_TRUE(message.starts_with(path)) << message;
    return message.substr(std::min(path.size(), message.size()));
  }

  ScratchFolder folder_;
};

TEST_F(Files, ArraysComeBackFromNpy) {
  const Array array = Array::from<double>({1, 2, 3, 4, 5, 6}, {3, 2});
  save_npy(folder_.path("a.npy"), array);
  const Array back = load_npy(folder_.path("a.npy"));
  EXPECT_EQ(back.shape(), array.shape());
  EXPECT_THAT(back.values<double>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(message_of([&] { load_npy(folder_.path("b.npy")); }),
            "cannot read " + folder_.path("b.npy") + ": No such file or directory");
}

// numpy.save of numpy.array([1.5, -2], dtype=numpy.float16)
TEST_F(Files, HalvesAreWidened) {
  std::string header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }";
  header.resize(117, ' ');
  const std::string bytes =
      std::string("\x93NUMPY\1\0\x76\0", 10) + header + "\n" + std::string("\x00\x3e\x00\xc0", 4);
  EXPECT_THAT(floats(load_npy(folder_.write("a.npy", bytes))), ElementsAre(1.5f, -2.f));
  const std::string json = R"({"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(json.size());
  file += json + std::string("\xc0\x3f\x00\xc0", 4);
  EXPECT_THAT(floats(load_safetensors(folder_.write("a.safetensors", file)).arrays.at("a")),
              ElementsAre(1.5f, -2.f));
}

TEST_F(Files, SafetensorsKeepNamesAndText) {
  const std::string path = folder_.path("a.safetensors");
  save_safetensors(path, {{{"x", Array::from<int32_t>({1, 2}, {2})}, {"y", Array::scalar(true)}},
                          {{"made by", "a test"}}});
  const TensorFile file = load_safetensors(path);
  EXPECT_THAT(file.metadata, ElementsAre(Pair("made by", "a test")));
  ASSERT_EQ(file.arrays.size(), 2u);
  EXPECT_THAT(file.arrays.at("x").values<int32_t>(), ElementsAre(1, 2));
  EXPECT_TRUE(file.arrays.at("y").item<bool>());
  EXPECT_EQ(message_of([&] { save_npy(folder_.path("b"), Array()); }), "the array is undefined");
}

TEST_F(Files, CsvIsNumbersByColumn) {
  const std::string path = folder_.write(
      "a.csv", "\xef\xbb\xbfx,\"the \"\"name\"\", of it\",y\r\n1,a, 2.5\r\n\r\n-3e2,\"b,c\",+4\r\n");
  const Csv csv = load_csv(path, {.columns = {"y", "x"}});
  EXPECT_THAT(csv.names, ElementsAre("y", "x"));
  EXPECT_EQ(csv.values.shape(), (Shape{2, 2}));
  EXPECT_THAT(floats(csv.values), ElementsAre(2.5f, 1.f, 4.f, -300.f));
  EXPECT_THAT(floats(csv.column("x")), ElementsAre(1.f, -300.f));
  EXPECT_EQ(message_of([&] { csv.column("z"); }), "no column is called 'z', only 'y', 'x'");
  const Csv bare =
      load_csv(folder_.write("b.csv", "1;2\n3;4"), {.separator = ';', .header = false, .type = i64});
  EXPECT_THAT(bare.names, ElementsAre("0", "1"));
  EXPECT_THAT(bare.column("1").values<int64_t>(), ElementsAre(2, 4));
}

TEST_F(Files, CsvOfMoreThanAPieceIsReadWhole) {
  std::string text = "a,b\n";
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + "," + std::to_string(-i) + "\n";
  const Csv csv = load_csv(folder_.write("a.csv", text), {.type = i32});
  ASSERT_EQ(csv.values.shape(), (Shape{200000, 2}));
  for (int32_t i = 0; i < 200000; ++i) {
    ASSERT_EQ(csv.values.values<int32_t>()[static_cast<size_t>(2 * i)], i);
    ASSERT_EQ(csv.values.values<int32_t>()[static_cast<size_t>(2 * i + 1)], -i);
  }
}

// Row by row, in any order and by several threads, what load_csv gives at once.
TEST_F(Files, CsvIsReadWhereItLies) {
  std::string text = "a,\"b\",c\n";
  for (int i = 0; i < 1000; ++i)
    text += fmt::format("{},\"{}\",x\n{}", i, -i, i % 7 == 0 ? "\n" : "");  // with empty lines
  const std::string path = folder_.write("a.csv", text);
  const CsvOptions options{.columns = {"b", "a"}, .type = i32};
  const Csv all = load_csv(path, options);
  const CsvRows csv = open_csv(path, options);
  EXPECT_THAT(csv.names, ElementsAre("b", "a"));
  EXPECT_EQ(csv.values.shape(), (Shape{2}));
  ASSERT_EQ(csv.values.size(), 1000);
  const auto expected = all.values.values<int32_t>();
  for (const auto& [first, count] :
       {std::pair<int64_t, int64_t>{0, 1000}, {999, 1}, {15, 3}, {16, 16}, {500, 0}}) {
    const Array rows = csv.values.read(first, count);
    EXPECT_TRUE(std::ranges::equal(rows.values<int32_t>(), expected.subspan(static_cast<size_t>(2 * first),
                                                                            static_cast<size_t>(2 * count))));
  }
  EXPECT_EQ(csv.column("a").shape(), Shape());
  EXPECT_THAT(csv.column("a").read(998, 2).values<int32_t>(), ElementsAre(998, 999));
  EXPECT_EQ(message_of([&] { csv.column("c"); }), "no column is called 'c', only 'b', 'a'");

  Batches batches({{"values", csv.values}, {"a", csv.column("a")}},
                  {.size = 8, .order = Order::shuffled, .seed = 3, .threads = 3});
  int64_t sum = 0;
  for (int64_t i = 0; i < batches.per_epoch(); ++i) {
    const Batch batch = batches.next();
    const auto values = batch.arrays.at("values").values<int32_t>(),
               a = batch.arrays.at("a").values<int32_t>();
    for (size_t row = 0; row < 8; ++row) {
      ASSERT_EQ(values[2 * row], -a[row]);
      ASSERT_EQ(values[2 * row + 1], a[row]);
      sum += a[row];
    }
  }
  EXPECT_EQ(sum, 999 * 1000 / 2);
  const CsvRows none = open_csv(folder_.write("b.csv", "a\n"));
  EXPECT_EQ(none.values.size(), 0);
  EXPECT_EQ(none.values.read().shape(), (Shape{0, 1}));
}

TEST_F(Files, CsvThatHasChangedIsAnError) {
  const std::string path = folder_.write("a.csv", "a\n1\n2\n3\n");
  const CsvRows csv = open_csv(path);
  std::ofstream(path) << "a\n1\n\n\n\n\n";
  EXPECT_EQ(message_of([&] { csv.values.read(0, 3); }), path + ": it has changed, for row 1 is gone");
}

TEST_F(Files, CsvSaysWhatIsWrongAndWhere) {
  EXPECT_EQ(csv_error(""), ": no lines");
  EXPECT_EQ(csv_error("a,b\n1,2\n3\n"), ":3: 1 columns, where the first line has 2");
  EXPECT_EQ(csv_error("a,b\n1,2\n\n3,4,5\n"), ":4: 3 columns, where the first line has 2");
  EXPECT_EQ(csv_error("a,age\n1,old\n"), ":2: column 'age': 'old' is no number");
  EXPECT_EQ(csv_error("a,age\n1,\n"), ":2: column 'age': '' is no number");
  EXPECT_EQ(csv_error("a\n1.5\n", {.type = i32}), ":2: column 'a': '1.5' is no number");
  EXPECT_EQ(csv_error("a\n3000000000\n", {.type = i32}), ":2: column 'a': '3000000000' does not fit i32");
  EXPECT_EQ(csv_error("a\n\"1\n2\"\n"), ":2: a quote that does not end in its line");
  EXPECT_EQ(csv_error("a\n\"1\"2\n"), ":2: text after a quoted field");
  EXPECT_EQ(csv_error("a,b\n1,2\n", {.columns = {"c"}}), ":1: no column is called 'c', only 'a', 'b'");
  EXPECT_EQ(message_of([] { load_csv("/no/such.csv"); }),
            "cannot read /no/such.csv: No such file or directory");
}

TEST(ArrayText, IsLikeNumPys) {
  EXPECT_EQ(to_string(Array::scalar(2.5f)), "f32[]\n2.5");
  EXPECT_EQ(to_string(Array::from<float>({1, -2.5, 3, 1e10}, {2, 2})),
            "f32[2,2]\n[[    1,  -2.5],\n [    3, 1e+10]]");
  EXPECT_EQ(to_string(Array::from<bool>({true, false}, {2})), "bool[2]\n[ true, false]");
  EXPECT_EQ(to_string(Array(i32, {0})), "i32[0]\n[]");
  EXPECT_EQ(to_string(Array(i32, {2, 1, 2})), "i32[2,1,2]\n[[[0, 0]],\n\n [[0, 0]]]");
  Array large(i64, {1001});
  for (int64_t i = 0; i < large.size(); ++i) large.data<int64_t>()[i] = i;
  std::ostringstream stream;
  stream << large;
  EXPECT_EQ(stream.str(), "i64[1001]\n[   0,    1,    2, ...,  998,  999, 1000]");
  EXPECT_EQ(to_string(Array(i32, {1000, 2})),
            "i32[1000,2]\n[[0, 0],\n [0, 0],\n [0, 0],\n ...,\n [0, 0],\n [0, 0],\n [0, 0]]");
}

TEST(ArraySlice, IsAlongTheFirstAxis) {
  const Array array = Array::from<int32_t>({1, 2, 3, 4, 5, 6}, {3, 2});
  EXPECT_THAT(array.slice(1, 3).values<int32_t>(), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(array.slice(0, -2).values<int32_t>(), ElementsAre(1, 2));
  EXPECT_EQ(array.slice(3, 3).shape(), (Shape{0, 2}));
  EXPECT_EQ(array[2].shape(), (Shape{2}));
  EXPECT_THAT(array[-3].values<int32_t>(), ElementsAre(1, 2));
  EXPECT_EQ(array[1][0].item<int32_t>(), 3);
  EXPECT_EQ(message_of([&] { array[3]; }), "i32[3,2] has no element 3");
  EXPECT_EQ(message_of([&] { array.slice(2, 1); }), "i32[3,2] has no slice 2 to 1");
  EXPECT_EQ(message_of([&] { Array::scalar(1.f)[0]; }), "f32[] has no element 0");
}

}  // namespace
}  // namespace sinter
