package metadata

import "fmt"

// Tag is the byte that says which handle follows, in Flink's words and numbers
// (MetadataV2V3SerializerBase).
type Tag uint8

// The tags of stream, keyed and operator handles share one space of numbers.
const (
	TagNull                 Tag = 0
	TagByteStream           Tag = 1
	TagFileStream           Tag = 2
	TagKeyGroups            Tag = 3 // until 1.14; as a stream handle: never seen
	TagPartitionable        Tag = 4
	TagIncremental          Tag = 5 // until 1.14
	TagRelativeStream       Tag = 6
	TagSavepointKeyGroups   Tag = 7 // canonical savepoints since 1.13
	TagChangelog            Tag = 8 // 1.14 and 1.15
	TagChangelogByte        Tag = 9
	TagChangelogFile        Tag = 10 // 1.14 and 1.15
	TagIncrementalV2        Tag = 11
	TagKeyGroupsV2          Tag = 12
	TagChangelogFileV2      Tag = 13
	TagChangelogV2          Tag = 14
	TagSegmentFile          Tag = 15 // file merging, since 1.20
	TagEmptySegmentFile     Tag = 16
	TagSegmentPartitionable Tag = 17
)

// The tags of channel state, a space of its own (ChannelStateHandleSerializerV2).
const (
	tagInputChannel       Tag = 1
	tagResultSubpartition Tag = 2
	tagMergedInput        Tag = 3
	tagMergedResult       Tag = 4
)

var tagNames = [...]string{
	"null", "byte stream", "file stream", "key groups", "partitionable operator state", "incremental key groups",
	"relative stream", "savepoint key groups", "changelog", "changelog byte increment", "changelog file increment",
	"incremental key groups v2", "key groups v2", "changelog file increment v2", "changelog v2", "segment file",
	"empty segment file", "segment partitionable operator state",
}

// String is the tag's number and Flink's word for it.
func (t Tag) String() string {
	if int(t) < len(tagNames) {
		return fmt.Sprintf("%d (%s)", uint8(t), tagNames[t])
	}
	return fmt.Sprintf("%d", uint8(t))
}
