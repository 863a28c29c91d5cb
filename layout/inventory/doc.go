// Package inventory reads reports of S3 Inventory in place of listings of very large
// buckets, and writes manifests for S3 Batch Operations.
//
// # The report
//
// S3 writes a report once a day or a week, to a bucket of its own:
//
//	{prefix}/{source bucket}/{id}/{time}/manifest.json
//	{prefix}/{source bucket}/{id}/{time}/manifest.checksum     MD5 of manifest.json, in hex
//	{prefix}/{source bucket}/{id}/data/{uuid}.csv.gz           or .parquet, .orc
//
// The manifest is one JSON object:
//
//	sourceBucket       a name
//	destinationBucket  an ARN, arn:aws:s3:::name
//	version            2016-11-30
//	creationTimestamp  when S3 began to look, in milliseconds since 1970, as a string
//	fileFormat         CSV, Parquet or ORC
//	fileSchema         CSV: the columns, "Bucket, Key, …"; Parquet: the message type
//	files              [{key, size, MD5checksum}], keys in the destination bucket
//
// CSV is compressed by gzip, has no header, quotes each value, and encodes keys as in a
// URL, with a plus for a space. Where the report has all versions, IsLatest and
// IsDeleteMarker (is_latest, is_delete_marker) tell which rows are objects that one can
// read. Size and LastModifiedDate must be among the columns; ETag should be.
//
// # What it stands for
//
// A report is up to days old and promises nothing of what came or went since. So [Open]
// takes from it only what is many and means nothing without a _metadata: the files in
// shared/, taskowned/ and dstl/ beside checkpoints. All else, the checkpoints first of
// all, is listed as it is now, directory by directory.
//
//   - A file newer than the report is not listed, so it is never taken for unused. What
//     refers to it finds it by asking for it (layout: confirm.go).
//   - A file that is gone may still be listed. Deleting it is a success. Who must know
//     that it is there has to ask: [layout.Store] Stat, Open and Children are always live.
//   - A directory that is gone is not listed, whatever the report has of it.
//   - What looks like a checkpoint inside of shared/ is refused: a newer _metadata beside
//     it would not be seen.
package inventory
