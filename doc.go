// Package elevate is the data layer of a learning platform on PostgreSQL.
package elevate
