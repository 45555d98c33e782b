#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using testing::ElementsAre;

class OpenRows : public testing::Test {
 protected:
  // What is wrong with a file, without its path.
  template <typename Open>
  std::string error(std::string_view bytes, const Open& open) {
    const std::string path = folder_.write("file", bytes);
    const std::string message = message_of([&] { open(path); });
    EXPECT_TRUE(message.starts_with(path + ": ")) << message;
    return message.substr(std::min(path.size() + 2, message.size()));
  }
  std::string idx_error(std::string_view bytes) { return error(bytes, open_idx); }

  ScratchFolder folder_;
};

TEST_F(OpenRows, OfNpyAndSafetensorsAreThoseOfTheirArrays) {
  const Array array = Array::from<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  save_npy(folder_.path("a.npy"), array);
  save_safetensors(folder_.path("a.safetensors"), {{{"w", Array::scalar(1.f)}, {"x", array}}});
  for (const Rows& rows :
       {Rows(array), open_npy(folder_.path("a.npy")), open_safetensors(folder_.path("a.safetensors"), "x")}) {
    EXPECT_EQ(rows.size(), 3);
    EXPECT_EQ(rows.shape(), (Shape{2}));
    EXPECT_EQ(rows.read(1, 2).shape(), (Shape{2, 2}));
    EXPECT_THAT(rows.read(1, 2).values<float>(), ElementsAre(3, 4, 5, 6));
    EXPECT_EQ(rows.read(3, 0).size(), 0);
    EXPECT_EQ(message_of([&] { rows.read(2, 2); }), "rows 2 to 4 are not among 3");
    EXPECT_EQ(message_of([&] { rows.read(-1, 1); }), "rows -1 to 0 are not among 3");
  }
  EXPECT_EQ(message_of([&] { open_safetensors(folder_.path("a.safetensors"), "y"); }),
            folder_.path("a.safetensors") + ": no tensor is called 'y', only 'w', 'x'");
  EXPECT_EQ(message_of([&] { open_safetensors(folder_.path("a.safetensors"), "w"); }),
            folder_.path("a.safetensors") + ": f32[] has no rows");
  EXPECT_EQ(message_of([&] { Rows(Array::scalar(1)); }), "i32[] has no rows");
}

TEST_F(OpenRows, OfIdxAreBigEndian) {
  const std::string images("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2\1\xff\3\4", 20);
  const Rows rows = open_idx(folder_.write("images", images));
  EXPECT_EQ(rows.dtype(), i32);
  EXPECT_EQ(rows.shape(), (Shape{1, 2}));
  EXPECT_THAT(rows.read().values<int32_t>(), ElementsAre(1, 255, 3, 4));
  const std::string shorts("\0\0\x0b\1\0\0\0\2\1\0\xff\xfe", 12);
  EXPECT_THAT(open_idx(folder_.write("shorts", shorts)).read().values<int32_t>(), ElementsAre(256, -2));
  const std::string real("\0\0\x0d\1\0\0\0\1\x3f\xc0\0\0", 12);
  EXPECT_THAT(open_idx(folder_.write("floats", real)).read().values<float>(), ElementsAre(1.5f));
}

TEST_F(OpenRows, OfIdxSayWhatIsWrong) {
  EXPECT_EQ(idx_error(""), "not an IDX file");
  EXPECT_EQ(idx_error(std::string("\0\1\x08\1", 4)), "not an IDX file");
  EXPECT_EQ(idx_error(std::string("\0\0\x0a\1", 4)), "not an IDX file");
  EXPECT_EQ(idx_error(std::string("\0\0\x08\2\0\0\0\1", 8)),
            "damaged IDX file: it ends inside the extents of its 2 axes");
  EXPECT_EQ(idx_error(std::string("\0\0\x08\1\0\0\0\3\1\2", 10)),
            "damaged IDX file: u8[3] needs 3 bytes, 2 follow");
  EXPECT_EQ(idx_error(std::string("\0\0\x08\0\1", 5)), "u8[] has no rows");
  const std::string huge = std::string("\0\0\x0e\3", 4) + std::string(12, '\xff');
  EXPECT_EQ(idx_error(huge), "damaged IDX file: the shape is too large");
}

TEST_F(OpenRows, MayBeNone) {
  const std::string none("\0\0\x08\3\0\0\0\0\xff\xff\xff\xff\0\0\0\2", 16);
  EXPECT_EQ(open_idx(folder_.write("none", none)).size(), 0);
  const std::string huge("\0\0\x08\4\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20);
  EXPECT_EQ(message_of([&] { open_idx(folder_.write("huge", huge)); }),
            "there are no rows of i32[4294967295,4294967295,4294967295]");
}

TEST_F(OpenRows, OfTokensAreTheFile) {
  const std::string path = folder_.write("tokens", std::string("\1\0\xff\xff\2\0\3\0", 8));
  EXPECT_THAT(open_tokens(path, TokenType::u16).read().values<int32_t>(), ElementsAre(1, 65535, 2, 3));
  EXPECT_THAT(open_tokens(path, TokenType::u8).read(1, 2).values<int32_t>(), ElementsAre(0, 255));
  EXPECT_THAT(open_tokens(path, TokenType::u32).read(1, 1).values<int32_t>(), ElementsAre(0x30002));
  EXPECT_EQ(error("12345", [](const std::string& file) { open_tokens(file, TokenType::u32); }),
            "the last of its tokens, at byte 4, has 1 of 4 bytes");
  EXPECT_EQ(message_of([] { open_tokens("/no/such", TokenType::u8); }),
            "cannot read /no/such: No such file or directory");
}

TEST_F(OpenRows, SayWhereAFileThatHasShrunkEnds) {
  const std::string path = folder_.write("tokens", "12345678");
  const Rows rows = open_tokens(path, TokenType::u8);
  std::filesystem::resize_file(path, 3);
  EXPECT_EQ(message_of([&] { rows.read(2, 4); }), path + ": it ends inside bytes 2 to 6");
}

TEST_F(OpenRows, OfNpyInFortranOrderAreRefused) {
  std::string header = "{'descr': '<i4', 'fortran_order': True, 'shape': (1, 1), }\n";
  const std::string bytes =
      std::string("\x93NUMPY\1\0", 8) + static_cast<char>(header.size()) + '\0' + header + "1234";
  EXPECT_EQ(error(bytes, open_npy), "its array is in Fortran order, in which rows lie apart: load_npy");
}

TEST(WindowsOfTokens, AreInputsAndWhatFollowsThem) {
  const Rows tokens = Array::from<int32_t>({0, 1, 2, 3, 4, 5, 6}, {7});
  const Windows all = windows(tokens, 3);
  EXPECT_EQ(all.inputs.size(), 4);
  EXPECT_EQ(all.inputs.shape(), (Shape{3}));
  EXPECT_THAT(all.inputs.read(3, 1).values<int32_t>(), ElementsAre(3, 4, 5));
  EXPECT_THAT(all.targets.read(3, 1).values<int32_t>(), ElementsAre(4, 5, 6));
  const Windows apart = windows(tokens, 3, 3);
  EXPECT_THAT(apart.inputs.read().values<int32_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(apart.targets.read().values<int32_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(windows(tokens, 2, 4).inputs.read().values<int32_t>(), ElementsAre(0, 1, 4, 5));
  EXPECT_EQ(windows(tokens, 6).inputs.size(), 1);
  EXPECT_EQ(message_of([&] { windows(tokens, 7); }),
            "windows: one of 7 and its target take 8 elements, there are 7");
  EXPECT_EQ(message_of([&] { windows(tokens, 0); }), "windows: length must be at least 1, got 0");
  EXPECT_EQ(message_of([&] { windows(tokens, 1, 0); }), "windows: stride must be at least 1, got 0");
}

TEST(SequencesOfElements, AreAsLongAsTheLongest) {
  const Rows elements = Array::from<int32_t>({1, 2, 3, 4, 5, 6}, {6});
  const Sequences three = sequences(elements, Array::from<int64_t>({2, 2, 5}, {3}));
  EXPECT_EQ(three.values.shape(), (Shape{3}));
  EXPECT_THAT(three.values.read().values<int32_t>(), ElementsAre(1, 2, 0, 0, 0, 0, 3, 4, 5));
  EXPECT_THAT(three.lengths.read().values<int32_t>(), ElementsAre(2, 0, 3));
  EXPECT_EQ(message_of([&] {
              sequences(elements, Array::from<int64_t>({3, 2}, {2}));
            }),
            "sequences: sequence 1 is elements 3 to 2 of 6");
  EXPECT_EQ(message_of([&] { sequences(elements, Array::from<int64_t>({7}, {1})); }),
            "sequences: sequence 0 is elements 0 to 7 of 6");
  EXPECT_EQ(message_of([&] { sequences(elements, Array(i32, {1})); }),
            "sequences: ends are i64[n], got i32[1]");
}

}  // namespace
}  // namespace sinter
